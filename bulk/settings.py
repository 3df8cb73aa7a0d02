"""One frozen value for everything a run is told from outside, made in one place from options and environment."""

from __future__ import annotations

import base64
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from bulk.errors import UsageError

CODAT = "https://api.codat.io"
SANDBOX = "a sandbox on this machine"  # recorded by a batch in place of a host name
MAX_REQUESTS_A_MINUTE = 1000  # that Codat allows one address
A_DAY = 86_400


class Secret:
    """A text that shows itself only when asked: not in a repr, a message, a log or a traceback."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")

    def reveal(self) -> str:
        """Give the text, for the one place that sends it."""
        return self._text


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach Codat, and how fast. `rate` in requests a minute, `timeout` in seconds."""

    authorization: Secret
    base_url: str = CODAT
    rate: int = MAX_REQUESTS_A_MINUTE
    concurrency: int = 10
    timeout: float = 30.0

    @classmethod
    def make(
        cls,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        rate: int = MAX_REQUESTS_A_MINUTE,
        concurrency: int = 10,
        timeout: float = 30.0,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """Make the settings from what is given, else from the environment, else from `.env`. Raises WrongUsage."""
        found = _environment() if environ is None else environ
        for name, number in (("rate", rate), ("concurrency", concurrency)):
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise UsageError(f"--{name} needs a whole number from 1; {number!r} is none.")
        if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0 < timeout < A_DAY:
            raise UsageError(f"--timeout needs a number of seconds above 0 and below a day; {timeout!r} is none.")
        if not isinstance(api_key, str | None):
            raise UsageError("The API key must be a text.")  # and is not shown, whatever it is
        if base_url is None:
            base_url = found.get("CODAT_BASE_URL") or CODAT
        elif not isinstance(base_url, str) or not base_url.strip():  # Codat itself must not be met by mistake
            raise UsageError(
                f"--base-url is {base_url!r}: leave it out for Codat itself ({CODAT}), or give an address."
            )
        return cls(
            authorization=_authorization(api_key or found.get("CODAT_API_KEY", "")),
            base_url=_base_url(base_url),
            rate=rate,
            concurrency=concurrency,
            timeout=timeout,
        )

    @property
    def is_local(self) -> bool:
        """Whether this is a stand-in on this machine rather than Codat."""
        return _is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def codat(self) -> str:
        """What a batch remembers of where it was run: the host, or that it was a stand-in on this machine."""
        return SANDBOX if self.is_local else str(urlsplit(self.base_url).netloc)


def webhook_secret(environ: Mapping[str, str] | None = None) -> Secret:
    """Read what webhook events are signed with, from the environment or `.env`. Raises WrongUsage."""
    found = (_environment() if environ is None else environ).get("CODAT_WEBHOOK_SECRET", "").strip().strip("\"'")
    if not found:
        raise UsageError(
            "No webhook secret: set CODAT_WEBHOOK_SECRET in the environment or in a file .env here, to the endpoint's "
            "secret in Codat's portal (whsec_...)."
        )
    return Secret(found)


def _environment() -> Mapping[str, str]:
    from dotenv import dotenv_values  # imported here: most starts of the command need neither

    try:
        from_file = dotenv_values(Path(".env"), interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The file .env cannot be read: {error.__class__.__name__}. Mend or remove it.") from None
    return {**{k: v for k, v in from_file.items() if v is not None}, **os.environ}


def _authorization(key: str) -> Secret:
    """Accept the raw key and the ready header value (https://docs.codat.io/using-the-api/authentication)."""
    key = key.strip().strip("\"'")
    if not key:
        raise UsageError(
            "No API key: set CODAT_API_KEY in the environment or in a file .env here, to the key of your Codat account "
            "or to the ready header value (Basic ...). To try bulk without an account, add --sandbox."
        )
    if not key.isascii() or not key.isprintable():
        raise UsageError("CODAT_API_KEY holds characters that no key has. Copy it once more, without line breaks.")
    if key.lower().startswith("basic "):
        return Secret("Basic " + key[6:].strip())
    return Secret("Basic " + base64.b64encode(key.encode()).decode())


def _base_url(url: str) -> str:
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    is_plain = url.isascii() and url.isprintable() and not set(" ?#@\\").intersection(url)
    if parts.scheme not in ("http", "https") or not host or not is_plain:
        raise UsageError(f"--base-url (or CODAT_BASE_URL) must be like {CODAT}, without user, query or fragment.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise UsageError(f"http:// to {host} would send the API key readable for anyone on the way. Use https://.")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
