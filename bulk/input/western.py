"""Says whether each word of a text could be one of a Western European language. PURE.

Windows-1252 is guessed only if all words could be. `MŸller`, `Kovaèiæ` and `Yýldýz` are German, Croatian and Turkish
names in other encodings. Few right names look like them, and the user can name the encoding.
"""

from __future__ import annotations

import re
from typing import Final

_ALPHABETS: Final = tuple(
    map(
        frozenset,
        (
            "äöüßé",  # German
            "àâçéèêëîïôùûüœÿ",  # French
            "áéíóúüñ",  # Spanish
            "àèéìòù",  # Italian
            "áàâãçéêíóôõúü",  # Portuguese
            "àçèéíïòóúü",  # Catalan
            "éèêëïöüáó",  # Dutch
            "æøåéöäü",  # Danish, Norwegian, Swedish, Finnish
        ),
    )
)
_LETTERS: Final = "A-Za-zÀ-ÖØ-öø-ÿŒœŠšŽžŸƒ"
_LETTER: Final = f"[{_LETTERS}]"
_SMALL: Final = "a-zß-öø-ÿœšž"
_RUN: Final = re.compile(f"{_LETTER}+")
_QUOTED: Final = re.compile(f"(?<!{_LETTER})(?:[„“”]([^„“”\r\n]*)[“”]|[‚‘]([^‚‘’\r\n]*)[‘’](?!{_LETTER}))")
"""Texts in quotes. A quote alone is a letter of another encoding: `No‘l`, `Malm”`."""
_ELISIONS: Final = "".join(f"(?<!{end})" for end in ("[Qq]u", "ll", "nt", "[Uu]n", "st", "[nr]d"))
_ODD: Final = re.compile(
    "|".join(
        (
            f"[{_SMALL}][À-ÖØ-ÞŒŠŽ]|Ÿ",  # a capital after a small letter
            f"[A-Z]{{2}}[àáâãåæçêëìíîïòóôõøùúû](?![{_SMALL}])",  # a small letter among capitals, other than `SOCIéTé`
            f"[^\x00-\x7f{_LETTERS}“”‘’«»‹›¿¡–—·´\xa0•µ]{_LETTER}",  # a sign before a letter
            f"{_LETTER}[^\x00-\x7f{_LETTERS}’‘»«…®™°©·´\xa0–—ºª²³]",  # a sign after a letter
            f"{_LETTER}[^\x00-\x7f{_LETTERS}’‘´·–—\xa0]+{_LETTER}",  # a sign between letters
            f"{_LETTER}[–—](?:[{_SMALL}]|\\Z)",  # `Pe–a`
            f"{_LETTER}{{2}}‘|(?![DLOdlo]){_LETTER}‘",  # `No‘l`, but `O‘Brien`
            f"{_LETTER}{{2}}{_ELISIONS}’(?!(?:s|t|d|m|ll|re|ve)(?!{_LETTER})|n’)[{_SMALL}]",  # `Garc’a`
            f"{_LETTER}{{4}}[ºª]|{_LETTER}¹|(?<=[{_LETTERS}])(?<![mM])[²³]",  # but `nº`, `m²`
            "[À-ÖØ-öø-ÿ]{3}",
        )
    )
)
_ODD_SMALL: Final = re.compile(
    r"ñ(?![aeiouyáéíóúü])"  # `Gdañsk`
    r"|õ(?!e)"  # `Gyõr`
    r"|ã(?![oe]|s?\Z)"  # `Brãila`
    r"|œ(?![uid]|[ntcs][oeu])"  # `œwiat`
    r"|[ìù](?!\Z)"  # `Nìmec`
    r"|[aeiou]æ"  # `Periæ`
)


def unquoted(text: str) -> str:
    """Return a text without its quotes of other signs than ASCII."""
    return _QUOTED.sub(r" \1\2 ", text)


def is_western(word: str) -> bool:
    """Return whether a word without ASCII punctuation could be one of a Western European language."""
    if _ODD.search(word):
        return False
    runs = [run.lower() for run in _RUN.findall(word) if not run.isascii()]
    return all(
        not _ODD_SMALL.search(run) and any(alphabet.issuperset(_accented(run)) for alphabet in _ALPHABETS)
        for run in runs
    )


def _accented(run: str) -> list[str]:
    return [letter for letter in run if not letter.isascii()]
