r"""Restores text in which a program has written escapes that the next one took for text: `&amp;`, `%20`. PURE.

Names may look like it: `AT&T`, `50% Off`, `100%Cacao`. So an escape must be a complete one that a program writes.
"""

from __future__ import annotations

import html
import html.entities
import re
from collections.abc import Callable
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Final
from urllib.parse import unquote_to_bytes

_ENTITY: Final = r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
_TAG: Final = (
    r"</?(?:a|b|big|br|center|div|em|font|h[1-6]|hr|i|img|li|nobr|ol|p|pre|small|span|strong|su[bp]|t[dhr]|tt|u|ul)"
    r"(?:\s[^<>]*)?/?>"
)
_LATER_PERCENT: Final = r"%[89ABab][0-9A-Fa-f]"
_PERCENT_UTF8: Final = (
    rf"(?:%[CDcd][0-9A-Fa-f]{_LATER_PERCENT}|%[Ee][0-9A-Fa-f](?:{_LATER_PERCENT}){{2}}"
    rf"|%[Ff][0-4](?:{_LATER_PERCENT}){{3}})+"
)
_PERCENT_SIGN: Final = r"%(?:2[0-9A-Fa-f]|3[A-Fa-f]|40|5[BDbd]|7[Cc])"
_PERCENT_LATIN: Final = r"(?<=[A-Za-z])%[C-F][0-9A-F](?=[a-z]|\b)"
_QUOTED_UTF8: Final = r"(?:=[CD][0-9A-F]=[89AB][0-9A-F]|=E[0-9A-F](?:=[89AB][0-9A-F]){2})+"
_MAIL_WORD: Final = r"=\?[\w-]{3,20}\?[BbQq]\?[^?\s]*\?="
_UNICODE: Final = r"(?:\\u[0-9A-Fa-f]{4})+"
_BYTES: Final = r"(?:\\x[0-9A-Fa-f]{2})+|(?:\\[23][0-7]{2}){2,}"
_SPACING: Final = r"\\[nrt](?=[\\A-Z0-9 ]|\b)"
_OF_EXCEL: Final = r"_x[0-9A-F]{4}_"

MAY_HAVE_ESCAPES: Final = "|".join(
    (_ENTITY, _TAG, "%[0-9A-Fa-f]{2}", "=[C-E][0-9A-F]=[89AB]", r"=\?[\w-]+\?", r"\\[ux0-3nrt]", _OF_EXCEL)
)
"""Matches all text that `restore` changes, and some other. It is valid in Python and in Rust."""


def restore(text: str) -> str:
    """Return the text with the signs that its escapes stand for, or the text itself if it has none."""
    for pattern, read in _READERS:
        text = pattern.sub(read, text)
    if " " not in text:  # a program that escapes a sign escapes spaces too
        text = _SIGNS_IN_PERCENT.sub(lambda match: unquote_to_bytes(match[0]).decode(), text)
    return text


def _entity(match: re.Match[str]) -> str:
    name = match[0][1:]
    return html.unescape(match[0]) if name.startswith("#") or name in html.entities.html5 else match[0]


def _tag(match: re.Match[str]) -> str:
    return " " if match[0].lower().startswith(("<br", "<p", "</p", "<div", "<li", "<hr", "<td")) else ""


def _utf8(raw: bytes, text: str) -> str:
    """Return bytes as text, or the escape itself if they are none."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return text


def _percent(match: re.Match[str]) -> str:
    return _utf8(unquote_to_bytes(match[0]), match[0])


def _quoted(match: re.Match[str]) -> str:
    return _utf8(bytes.fromhex(match[0].replace("=", "")), match[0])


def _mail_word(match: re.Match[str]) -> str:
    try:
        return str(make_header(decode_header(match[0])))
    except (HeaderParseError, LookupError, UnicodeDecodeError):
        return match[0]


def _unicode(match: re.Match[str]) -> str:
    raw = bytes.fromhex(match[0].replace("\\u", ""))
    return raw.decode("utf-16-be", "replace")  # half of a pair is lost


def _bytes(match: re.Match[str]) -> str:
    base, width = (16, 2) if match[0].startswith("\\x") else (8, 3)
    raw = bytes(int(digits.removeprefix("x")[:width], base) for digits in match[0].split("\\")[1:])
    return _utf8(raw, raw.decode("cp1252", "replace"))


_READERS: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (_MAIL_WORD, _mail_word),
        (_ENTITY, _entity),
        (_TAG, _tag),
        (_PERCENT_UTF8, _percent),
        (_PERCENT_LATIN, lambda match: unquote_to_bytes(match[0]).decode("cp1252", "replace")),
        (_QUOTED_UTF8, _quoted),
        (_UNICODE, _unicode),
        (_BYTES, _bytes),
        (_SPACING, " "),
        (_OF_EXCEL, lambda match: chr(int(match[0][2:6], 16))),
    )
)
_SIGNS_IN_PERCENT: Final = re.compile(rf"(?<![0-9 ]){_PERCENT_SIGN}|(?<=[0-9]){_PERCENT_SIGN}(?=[A-Za-z])")
