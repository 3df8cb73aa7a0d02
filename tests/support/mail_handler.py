"""A handler for `python -m aiosmtpd`, which keeps the emails in a folder and refuses some addresses."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Self

REFUSED = "nobody@example.com"


class MailHandler:
    """Writes each email to a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def from_cli(cls, parser: ArgumentParser, folder: str) -> Self:  # noqa: ARG003 - aiosmtpd's signature
        """Build a handler from the arguments of the command line."""
        return cls(Path(folder))

    async def handle_RCPT(self, *values: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Accept every address but one."""
        _, _, envelope, address, _ = values
        if address == REFUSED:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep an email."""
        number = len(list(self._folder.iterdir()))
        (self._folder / f"{number}.eml").write_bytes(envelope.content)
        return "250 OK"
