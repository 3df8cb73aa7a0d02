"""Restores text that a program has read in the wrong encoding: `CafÃ©`, `Caf√©`, `SociŽtŽ`. PURE.

Names may look like it: `CAFÉ®`, `TVÅ–FYRA`, `SÃO PAULO`. So a letter followed by a sign that people write after letters
is damage only where no such name has them: after a small letter, or inside a word.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SEQUENCES: Final = re.compile(
    r"(?P<latin>[\xC2-\xC5\xC8\xCC][\x80-\xBF])"  # a letter, an accent or a sign, which the context decides
    r"|(?:\xE1[\xBA\xBB]|\xE2[\x80\x82\x84]|\xEF[\xBB-\xBF]|\xF0\x9F[\x80-\xBF])[\x80-\xBF]"  # nothing resembles these
    r"|(?:[\xCE-\xD1\xD7-\xD9][\x80-\xBF]|[\xE0\xE3-\xE9][\x80-\xBF]{2}){2,}"  # words of other scripts
    r"|\xE2\x80(?![\x80-\xBF])"  # a quote whose last byte was dropped
)
"""The bytes of UTF-8, as the letters with these numbers."""
_QUOTE_WITHOUT_END: Final = b"\xe2\x80"
_SIGNS: Final = "’‘”“»«›‹®™–—…°·•´©\u00a0¹²³ªº"
"""The signs that people write after a letter."""
_BETWEEN_WORDS: Final = "–—…·•"
_APOSTROPHES: Final = "’‘"


@dataclass(frozen=True)
class _Encoding:
    """An encoding in which programs read UTF-8 by mistake."""

    name: str
    first: bytes
    """The first bytes of sequences to look for. Others resemble words: `–ü` in Mac Roman."""
    numbers: dict[int, int]
    """For `str.translate`: its letters become those with the numbers of their bytes, and all others private ones."""

    def pattern(self) -> str:
        """Return a pattern for text that may be damaged."""
        first, later = (_letters(self.name, of) for of in (self.first, bytes(range(0x80, 0xC0))))
        return f"[{first}][{later}]"


def _letters(encoding: str, numbers: bytes) -> str:
    """Return the letters with these numbers in an encoding. Numbers that it lacks stay control characters."""
    return "".join(codecs.decode(bytes([each]), encoding, "ignore") or chr(each) for each in numbers)


def _encoding(name: str, first: bytes) -> _Encoding:
    numbers = {0xE000 + each: 0xE000 for each in range(256)}
    numbers |= {each: 0xE000 + each for each in range(0x80, 0x100)}
    numbers |= {ord(letter): at for at, letter in enumerate(_letters(name, bytes(range(0x80, 0x100))), 0x80)}
    return _Encoding(name, first, numbers)


_UTF8_READ_AS: Final = (
    _encoding("cp1252", bytes((0xC2, 0xC3, 0xC4, 0xC5, 0xC8, 0xCC, *range(0xCE, 0xD2), *range(0xD7, 0xDA)))
              + bytes(range(0xE0, 0xF1))),
    _encoding("mac_roman", b"\xc2\xc3\xc5\xe2"),
    _encoding("cp1250", b"\xc2\xc3\xc4\xc5\xe2"),
    _encoding("cp850", b"\xc2\xc3\xc4\xc5\xe2"),
    _encoding("cp437", b"\xc2\xc3\xc4\xc5\xe2"),
)  # fmt: skip
_HALF_LETTER: Final = re.compile(r"(?<=[a-z])Ã(?=\s|\Z)")
"""An `à` whose second byte, a no-break space, has become a space."""
_ODD_LETTERS: Final = re.compile("(?<=[a-zé])[ŽŠŸŒ‡‰ˆ]|[‡‰ˆ](?=[a-z])|(?<=[A-Z])[ŽŠ](?=[a-z]{2})|Ÿ(?=[a-z])")
"""Letters that Windows-1252 shows for `é`, `ä`, `ü` and others of Mac Roman and of DOS."""
_OTHER_SCRIPT: Final = re.compile(r"(?<![^\W\d_])[À-ÖØ-öø-ÿ]{5,}(?![^\W\d_])")
"""Words without any plain letter: no language of Windows-1252 has them."""
_FREQUENT: Final = re.compile("[éèêçäöüßñåø]")
_WINDOWS_READ_AS: Final = ("mac_roman", "cp850")
_SCRIPTS: Final = ("cp1251", "cp1253", "koi8_r")

MAY_BE_MISREAD: Final = "|".join(
    (
        *(each.pattern() for each in _UTF8_READ_AS),
        "[a-z]Ã",
        "[a-zé][ŽŠŸŒ‡‰ˆ]",
        "[‡‰ˆŸ][a-z]",
        "[A-Z][ŽŠ][a-z]",
        "[À-ÖØ-öø-ÿ]{5}",
        "â€",
    )
)
"""Matches all text that `restore` changes, and some other. It is valid in Python and in Rust."""


def restore(text: str) -> str:
    """Return the text as it was before it was read in the wrong encoding, or the text itself if it was not."""
    for encoding in _UTF8_READ_AS:
        shown = text.translate(encoding.numbers)
        restored = _restore_sequences(text, shown, encoding)
        if restored != text:
            return restored
    text = _HALF_LETTER.sub("à", text)
    if _ODD_LETTERS.search(text):
        return _read_again(text, _WINDOWS_READ_AS)
    return _OTHER_SCRIPT.sub(lambda word: _read_again(word[0], _SCRIPTS), text)


def _restore_sequences(text: str, shown: str, encoding: _Encoding) -> str:
    parts, end = [], 0
    for match in _SEQUENCES.finditer(shown):
        if ord(match[0][0]) not in encoding.first or not (
            match["latin"] is None or _is_certain(text, match.start(), encoding)
        ):
            continue
        raw = match[0].encode("latin-1")
        letters = '"' if raw == _QUOTE_WITHOUT_END else raw.decode("utf-8", "ignore")
        if letters:
            parts += [text[end : match.start()], letters]
            end = match.end()
    return "".join((*parts, text[end:]))


def _is_certain(text: str, at: int, encoding: _Encoding) -> bool:
    """Return whether two letters in a text are those of one that was read in this encoding."""
    lead, sign = text[at], text[at + 1]
    before, after = text[at - 1 : at], text[at + 2 : at + 3]
    if not lead.isalpha() or before.islower():
        return True
    if sign.isalpha() and sign not in _SIGNS:
        return encoding.name == "cp1252" or (sign.isupper() and after.islower())
    if lead == "Â" or sign not in _SIGNS:
        return True
    if not after.isalpha():
        return False
    if sign in _BETWEEN_WORDS:
        return lead == "Ã"
    if sign in _APOSTROPHES:
        return lead == "Ã" or (lead == "Å" and after.isupper()) or not before.isalpha()
    return True


def _read_again(text: str, encodings: tuple[str, ...]) -> str:
    """Return text that was read as Windows-1252 in the most probable of these encodings.

    Return U+FFFD for each of its letters beyond ASCII if none of them has only usual words.
    """
    read = [text.encode("cp1252", "replace").decode(encoding, "replace") for encoding in encodings]
    usual = [each for each in read if _has_usual_words(each)]
    lost = re.sub(r"[^\x00-\x7f]", "\ufffd", text)
    return max(usual, key=lambda each: len(_FREQUENT.findall(each)), default=lost)


def _has_usual_words(text: str) -> bool:
    """Return whether all signs beyond ASCII are letters, and none of them is a capital after a small letter."""
    return all(
        this.isascii() or (this.isalpha() and not (before.islower() and this.isupper()))
        for before, this in pairwise(f" {text}")
    )
