"""The settings of a run: one frozen value, built in one place from options, the environment and `.env`."""

from __future__ import annotations

import base64
import codecs
import hmac
import io
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
MAX_REQUESTS_A_MINUTE = 1000  # Codat's limit for one IP address (https://docs.codat.io/using-the-api/rate-limits)
MAX_TIMEOUT = 86_400  # seconds


class Secret:
    """A text that appears in no repr, message, log or traceback."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled")

    def reveal(self) -> str:
        """Return the text, for the one place that sends it."""
        return self._text


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the connection to Codat. `rate` is in requests a minute, `timeout` in seconds."""

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
        """Build settings from the arguments, the environment or `.env`, in this order. Raises UsageError."""
        variables = _environment() if environ is None else environ
        _require_whole_number("--rate", rate)
        _require_whole_number("--concurrency", concurrency)
        _require_seconds("--timeout", timeout)
        if not isinstance(api_key, str | None):
            raise UsageError("The API key must be a string.")  # the message does not show its value
        return cls(
            authorization=_authorization(api_key or variables.get("CODAT_API_KEY", "")),
            base_url=_base_url(base_url, variables),
            rate=rate,
            concurrency=concurrency,
            timeout=timeout,
        )

    @property
    def is_local(self) -> bool:
        """Whether this is a sandbox on this machine rather than Codat."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def codat(self) -> str:
        """The server that a batch belongs to: its host, or the sandbox on this machine."""
        return SANDBOX if self.is_local else str(urlsplit(self.base_url).netloc)

    def fingerprint(self, salt: str) -> str:
        """Return a salted hash by which a key is recognized at an address. It does not reveal the key."""
        known = f"{self.base_url} {self.authorization.reveal()}"
        return hmac.digest(salt.encode(), known.encode(), "sha256").hex()


def webhook_secret(environ: Mapping[str, str] | None = None) -> Secret:
    """Return the secret that signs webhook events, from the environment or `.env`. Raises UsageError."""
    secret = (_environment() if environ is None else environ).get("CODAT_WEBHOOK_SECRET", "").strip().strip("\"'")
    if not secret:
        raise UsageError(
            f"No webhook secret: set CODAT_WEBHOOK_SECRET, {_places()}, to the endpoint's secret in Codat's portal "
            "(whsec_...)."
        )
    return Secret(secret)


def _environment() -> Mapping[str, str]:
    from dotenv import dotenv_values  # imported here because most commands start without it

    path = Path(".env")
    try:
        text = _decoded(path.read_bytes()) if path.is_file() or path.is_fifo() else ""
        from_file = dotenv_values(stream=io.StringIO(text), interpolate=False)
    except UnicodeDecodeError:
        raise UsageError("The file .env is not UTF-8 text. Save it as UTF-8, or remove it.") from None
    except OSError as error:
        raise UsageError(f"The file .env cannot be read: {error.strerror}. Fix or remove it.") from None
    return {**{k: v for k, v in from_file.items() if v is not None}, **os.environ}


def _decoded(content: bytes) -> str:
    """Return the text of `.env`. PowerShell and Notepad write UTF-16, with a mark. Raises UnicodeDecodeError."""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf16 else "utf-8-sig")


def _places() -> str:
    """Return the places of a variable, for a message."""
    is_folder = " (here .env is a folder, which is not read)" if Path(".env").is_dir() else ""
    return f"in the environment or in a file .env in this folder{is_folder}"


def _require_whole_number(option: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{option} must be a whole number of at least 1, not {value!r}.")


def _require_seconds(option: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < MAX_TIMEOUT:
        raise UsageError(f"{option} must be a number of seconds above 0 and below one day, not {value!r}.")


def _authorization(key: str) -> Secret:
    """Return the Authorization header for a raw key or a complete value of the header.

    https://docs.codat.io/using-the-api/authentication
    """
    key = key.strip().strip("\"'")
    if not key:
        raise UsageError(
            f"No API key: set CODAT_API_KEY, {_places()}, to your Codat API key or to the complete header value "
            "(Basic ...). To try bulk without an account, add --sandbox."
        )
    if not key.isascii() or not key.isprintable():
        raise UsageError("CODAT_API_KEY contains characters that no API key has. Copy it again, without line breaks.")
    if key.lower().startswith("basic "):
        return Secret("Basic " + key[6:].strip())
    return Secret("Basic " + base64.b64encode(key.encode()).decode())


def _base_url(option: str | None, environ: Mapping[str, str]) -> str:
    """Return the URL in its canonical form. An empty option never means Codat itself."""
    if option is None:
        return _normalized(environ.get("CODAT_BASE_URL") or CODAT)
    if not isinstance(option, str) or not option.strip():
        raise UsageError(f"--base-url must be a URL, not {option!r}. Omit it to use {CODAT}.")
    return _normalized(option)


def _normalized(url: str) -> str:
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    is_plain = url.isascii() and url.isprintable() and not set(" ?#@\\").intersection(url)
    if parts.scheme not in ("http", "https") or not host or not is_plain:
        raise UsageError(
            f"--base-url or CODAT_BASE_URL must be a URL such as {CODAT}, without user name, query or fragment."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(f"http:// would send the API key to {host} unencrypted. Use https://.")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
