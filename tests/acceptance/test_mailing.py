"""The script of docs/mailing.md emails a wave, and the document's commands record that."""

from __future__ import annotations

import csv
import email
import email.policy
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from support.mail_handler import REFUSED
from support.runs import until
from support.sandbox import start

from acceptance.documents.commands import ROOT, Command, blocks, commands, read, run, section
from acceptance.documents.real_run import account

DOCUMENT = "docs/mailing.md"
CUSTOMERS = [("001", "Café Zoë", "zoe@example.com"), ("002", "Bolt", "b@example.com"), ("=003", "Acme", REFUSED)]
WITHOUT_ADDRESS = ("004", "Dune", "")


def test_the_script_emails_each_customer_their_own_link(tmp_path: Path) -> None:
    """A refused address and a customer without one are not recorded as emailed."""
    rows = "".join(f"{','.join(row)},Xero\n" for row in (*CUSTOMERS, WITHOUT_ADDRESS))
    (tmp_path / "customers.csv").write_text(f"customer_id,company_name,email,platform\n{rows}", "utf-8")
    (tmp_path / "email.txt").write_text(blocks("text", section(DOCUMENT, "Texts"))[0], "utf-8")
    (tmp_path / "send.py").write_text(blocks("python", read(DOCUMENT))[0], "utf-8")
    with start(tmp_path / "codat") as codat, mail_server(tmp_path / "mail") as port:
        environment = account(codat)
        run(Command(("bulk", "migrate", "customers.csv"), 0, ""), tmp_path, **environment)
        assert f"refused: '=003 {REFUSED}" in send(tmp_path, port)
        before = emails(tmp_path)
        assert send(tmp_path, port) == f"refused: '=003 {REFUSED}\n", "a second run emails nobody again"
        assert emails(tmp_path) == before
        # In this order, `sent` first records the emails of the script, and then the rest of the wave.
        recorded = [run(command, tmp_path, **environment) for command in reversed(commands(read(DOCUMENT)))]
    links = {row["email"]: row["link_url"] for row in wave(tmp_path)}
    assert {to: [link for link in links.values() if link in text] for to, text in emails(tmp_path).items()} == {
        to: [links[to]] for _, _, to in CUSTOMERS if to != REFUSED
    }
    assert "Hello Café Zoë," in emails(tmp_path)["zoe@example.com"]
    sent = [each.partition("\n")[0] for each in recorded if "recorded as emailed" in each]
    assert sent == [
        "2 customers recorded as emailed.",
        "1 customer recorded as emailed, 2 recorded before, 1 left out.",
    ]


def send(folder: Path, port: int) -> str:
    """Run the script; return what it prints."""
    environment = os.environ | {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SENDER": "Jane <jane@example.com>"}
    command = [sys.executable, "send.py", "1"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wave(folder: Path) -> list[dict[str, str]]:
    """Read the file that the script emails."""
    with (folder / "reports/customers/waves/1.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def emails(folder: Path) -> dict[str, str]:
    """Return the text of each email by its address."""
    found = {}
    for path in (folder / "mail").iterdir():
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert str(message["To"]) not in found, "one email each"
        found[str(message["To"])] = message.get_content()
    return found


@contextmanager
def mail_server(folder: Path) -> Iterator[int]:
    """Receive emails in a folder; yield the port."""
    folder.mkdir()
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    handler = ["-c", "support.mail_handler.MailHandler", str(folder)]
    command = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", *handler]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT / "tests")}) as process:
        try:
            until(lambda: is_listening(port), "the mail server")
            yield port
        finally:
            process.terminate()


def is_listening(port: int) -> bool:
    """Return whether a server accepts connections."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
