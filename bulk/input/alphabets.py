"""Says whether words could be parts of names, or show that their text was read in a wrong encoding.

`Société` read in a wrong encoding is `SociŽtŽ`, and `Wrocław` is `Wroc³aw`. No language has a capital letter after a
small one, a sign inside a word, or letters of several alphabets in one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

_LATIN: Final = tuple(
    map(
        frozenset,
        (
            "àâäçéèêëîïôöùûüÿœæ",  # French
            "äöüßéàè",  # German
            "áéíóúüñ",  # Spanish
            "àèéíïòóúüç",  # Catalan
            "àèéìíîòóùú",  # Italian
            "áàâãçéêíóôõúü",  # Portuguese
            "åäöæøéèêôòóüà",  # Danish, Norwegian, Swedish
            "áðéíóúýþæöø",  # Icelandic, Faroese
            "äõöüåšž",  # Estonian, Finnish
            "éëèïöüê",  # Dutch
            "ąćęłńóśźż",  # Polish
            "áäčďéěíĺľňóôŕřšťúůýž",  # Czech, Slovak
            "áéíóöőúüű",  # Hungarian
            "ăâîşșţț",  # Romanian
            "čćđšž",  # Croatian, Slovene
            "âçğıîöşûü",  # Turkish
            "ąčęėįšųūž",  # Lithuanian
            "āčēģīķļņōŗšūž",  # Latvian
        ),
    )
)
_EASTERN: Final = frozenset(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH", "FULLWIDTH"))
_OTHERS: Final = frozenset(("CYRILLIC", "GREEK", "HEBREW", "ARABIC", "THAI", "HANGUL"))

_DIGITS: Final = "0123456789"
_WORD: Final = re.compile(r"[^\s\x00-\x26\x28-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]+")
_BETWEEN: Final = re.compile(r"['‘’´·]+|[–—]+(?![a-z])")
"""Signs that may stand between two letters, as in `L’Oréal` and `Köln–Bonn`."""
_WRONG_CAPITAL: Final = re.compile(r"Ÿ(?=[a-z])")
"""No word begins with `Ÿ`, so it is not the capital of a word: `ZŸrich` is `Zürich` of a Mac."""
_KNOWN_SCRIPTS: Final = re.compile("[\u0370-\u052f\u05d0-\u05ea]")
_FREQUENT: Final = frozenset("оеаинтсрвлкмдпуαοιετνσρκηυπλμςάίόέήיולהאמרבשתנ")
_USUAL_SHARE: Final = 0.6
_BEFORE: Final = "“”„‚«»‹›¿¡•…€£§©®™\u00a0"
_AFTER: Final = "“”«»‹›•…€£§©®™°ºª¹²³\u00a0"


def _has_inner_capital(letters: Sequence[str]) -> bool:
    """Return whether a capital letter follows a small one. Names such as `СтройМонтаж` have them."""
    for one, two, three in zip(letters, letters[1:], [*letters[2:], ""], strict=False):
        if one.islower() and two.isupper() and not two.isascii() and (two < "\u0250" or not three.islower()):
            return True
    return False


def words(text: str) -> list[str]:
    """Return the words of a text that have other characters than ASCII. `L’Œuvre` is one word."""
    return [word for word in _WORD.findall(text) if not word.isascii()]


def is_plausible(word: str) -> bool:
    """Return whether a word could be part of a name in some language."""
    return all(map(_is_plausible, _BETWEEN.split(word)))


def likelihood(words: Sequence[str]) -> float:
    """Return how probable words are, from 0 to 2, to compare the encodings in which a text may be read.

    In the right encoding, most words are of one language, and the letters of a script are mostly its frequent ones.
    """
    accents = [{each for each in word.lower() if each.isalpha() and "\x7f" < each < "\u0250"} for word in words]
    of_language = max(sum(letters <= alphabet for letters in accents) for alphabet in _LATIN) / max(len(words), 1)
    letters = [letter for letter in "".join(words).lower() if _KNOWN_SCRIPTS.match(letter)]
    return of_language + (sum(each in _FREQUENT for each in letters) / len(letters) if letters else _USUAL_SHARE)


def _is_plausible(word: str) -> bool:
    composed = unicodedata.normalize("NFC", word.lstrip(_BEFORE).rstrip(_AFTER))
    letters = [letter for letter in composed if letter not in _DIGITS and not unicodedata.combining(letter)]
    if _has_inner_capital(letters) or _WRONG_CAPITAL.search(composed):
        return False
    foreign = {letter for letter in letters if not letter.isascii()}
    if not all(letter.isalpha() for letter in foreign):
        return False
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in letters if not letter.isspace()}
    if scripts <= {"LATIN"}:
        small = {letter.lower().removesuffix("\u0307") for letter in foreign}
        small = {letter for letter in small if not letter.isascii()}
        return any(small <= alphabet for alphabet in _LATIN)
    return scripts <= _EASTERN or (len(scripts) == 1 and scripts <= _OTHERS)
