"""Text from outside, made safe for the journal, the reports and the next request. No I/O.

Codat's bodies, headers and webhook events pass through here. A value of the wrong type or form becomes None.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from bulk.settings import is_loopback

MAX_ID = 200  # characters; a GUID has 36
MAX_PATH = 8000  # characters; a query has fewer than 2,048 (https://docs.codat.io/using-the-api/querying)
MAX_LINK = 2000  # characters
MAX_MESSAGE = 500  # characters of an error that are kept: enough to act on, too few to flood a report
MAX_EXCERPT = 120  # characters of a body that is not Codat's
MAX_EXCERPT_BYTES = 4000
NOT_WORDS = re.compile(r"(?is)<(style|script)\b.*?(?:</\1>|\Z)|<!--.*?(?:-->|\Z)|</?[a-z!][^<>]*>")  # of HTML
MAX_NUMBER = 10**12  # a larger number of requests is implausible
PATH_CHARACTERS = "/?:@!$&'()*+,;=-._~%[]"  # besides letters and digits (RFC 3986); others are percent-encoded


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a body, or None if there is none. Lone surrogates become U+FFFD."""
    try:
        text = body.decode("utf-8-sig")
        content = json.loads(text)
        if "\\u" in text:
            content = json.loads(_replace_surrogates(json.dumps(content, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def text(value: object) -> str | None:
    """Return a text that the journal can store, or None if it is empty or contains a lone surrogate, as JSON can."""
    return value if isinstance(value, str) and value and (value.isascii() or _is_whole(value)) else None


def link_url(value: object) -> str | None:
    """Return a linkUrl that can be handed out: https without user information, or http for this machine's sandbox.

    Any other value becomes None.
    """
    link = text(value)
    if link is None or len(link) > MAX_LINK or not link.isascii() or not link.isprintable() or " " in link:
        return None
    try:
        parts = urlsplit(link)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        return link if is_safe and parts.hostname and "@" not in parts.netloc else None
    except ValueError:
        return None


def tags(value: object) -> dict[str, str]:
    """Return a company's tags, without those whose key or value is not a text."""
    if not isinstance(value, dict):
        return {}
    return {key: tag for key, content in value.items() if text(key) and (tag := text(content))}


def identifier(content: object, name: str = "id") -> str | None:
    """Return the identifier with this name in a JSON object, or None.

    Codat's are GUIDs; any plain text or number is accepted.
    """
    value = content.get(name) if isinstance(content, dict) else None
    if not isinstance(value, str | int) or isinstance(value, bool) or not value:
        return None
    plain = str(value)
    is_plain = plain.isascii() and plain.isprintable() and len(plain) <= MAX_ID
    return plain if is_plain and plain not in (".", "..") else None


def next_path(links: object) -> str | None:
    """Return the path of the next page in `_links`. A full URL is rejected: it could send the key to another host."""
    next_link = links.get("next") if isinstance(links, dict) else None
    href = next_link.get("href") if isinstance(next_link, dict) else None
    if not isinstance(href, str) or not href.startswith("/") or href.startswith("//"):
        return None
    is_plain = href.isascii() and href.isprintable() and len(href) <= MAX_PATH
    return quote(href, safe=PATH_CHARACTERS) if is_plain else None


def time(value: object) -> str | None:
    """Return one of Codat's times, which are UTC with or without a zone, as ISO 8601 in whole seconds."""
    moment = _moment(value)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z" if moment else None


def exact_time(value: object) -> str | None:
    """Return one of Codat's times as ISO 8601 in UTC with six decimals, so that times sort as text."""
    moment = _moment(value)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z" if moment else None


@lru_cache(maxsize=16)  # responses repeat the same few dates
def header_date(header: str) -> float | None:
    """Return a date in seconds since 1970. Codat documents no format, so RFC 9110 and ISO 8601 are both accepted."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(header)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def header_number(header: str | None) -> int | None:
    """Return the whole number in a header, or None if it is missing, invalid or implausibly large."""
    try:
        number = int(float(header)) if header is not None else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) <= MAX_NUMBER else None


def message(content: object) -> str:
    """Return an error message, cut to MAX_MESSAGE characters."""
    return str(content)[:MAX_MESSAGE]


def excerpt(body: bytes) -> str:
    """Return the beginning of a body as one line; of a page in HTML, only the words."""
    text = body[:MAX_EXCERPT_BYTES].decode("utf-8", "replace")
    words = " ".join(NOT_WORDS.sub(" ", text).split())
    return (words or " ".join(text.split()))[:MAX_EXCERPT]


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _is_whole(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _replace_surrogates(value: str) -> str:
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
