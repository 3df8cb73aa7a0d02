"""The question on a terminal before a customer is unlinked."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from support.runs import MAX_SECONDS, Codat

from acceptance.after_migrate.conftest import Migrated


def _read_until(popen: subprocess.Popen[bytes], wanted: bytes) -> bytes:
    assert popen.stderr is not None
    text = b""
    while wanted not in text:
        more = os.read(popen.stderr.fileno(), 1000)
        assert more, text
        text += more
    return text


@pytest.mark.parametrize(
    ("answer", "code", "unlinked"),
    [
        (lambda _, terminal: os.write(terminal, b"y\n"), 0, 1),
        (lambda _, terminal: os.write(terminal, b"n\n"), 0, 0),
        (lambda popen, _: popen.send_signal(signal.SIGINT), 130, 0),
    ],
    ids=["yes", "no", "Ctrl-C"],
)
def test_the_answer_decides(
    answer: Callable[[subprocess.Popen[bytes], int], object],
    code: int,
    unlinked: int,
    codat: Codat,
    migrated: Migrated,
) -> None:
    """Only a yes unlinks the customer, and Ctrl-C ends the question at once."""
    fixture, ids = migrated(codat, 1)
    codat.authorize(ids)
    terminal, end = pty.openpty()
    line = [
        sys.executable,
        "-m",
        "bulk",
        "unlink",
        str(fixture.folder),
        "--customer",
        ids[0],
        "--base-url",
        codat.base_url,
    ]
    environment = os.environ | {"CODAT_API_KEY": fixture.key}
    with subprocess.Popen(
        line, cwd=fixture.path, env=environment, stdin=end, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as popen:
        os.close(end)
        try:
            _read_until(popen, b"[y/N]")
            answer(popen, terminal)
            assert popen.wait(MAX_SECONDS) == code
            assert popen.stderr is not None
            assert popen.stderr.read().startswith({0: b"", 130: b"\n"}[code])  # the message has a line of its own
        finally:
            popen.kill()
            os.close(terminal)
    assert codat.stats()["requests"].get("unlink_connection", 0) == unlinked
