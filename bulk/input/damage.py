"""The forms of text that only spreadsheets write, after they have read a text as a number, a date or a formula.

A CSV file contains the text that a spreadsheet displays, so the forms are those that Excel and LibreOffice display in
the languages of our users. Months in capitals (`MAR-01`) are not among them: a spreadsheet writes `Mar` or `mars`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SHORTENED: Final = r"\A(?:\d(?:[.,]\d+)?[Ee]\+\d{2,3}|\d[.,]\d+[Ee]-\d{2,3})\z"
"""A long number as 1.23457E+19, or `12E5` as 1.20E+06. `12E5` itself and `5E-12` may be identifiers."""

_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_DAY_IN_FULL: Final = r"(?:0[1-9]|[12]\d|3[01])"
_MONTH_IN_FULL: Final = r"(?:0[1-9]|1[0-2])"
_YEAR: Final = r"(?:19|20)\d\d"
_SHORT_OR_YEAR: Final = rf"(?:\d\d|{_YEAR})"
_TIME: Final = r"(?:[ T]\d{1,2}:\d\d(?::\d\d(?:\.0+)?)?(?: [AP]M)?)?"
_MONTH: Final = (
    r"(?:[Jj]an|[Jj]anv|[Ee]ne|[Gg]en|[Ff]eb|[Ff][eé]vr|[Ff]ev|[Mm]ar|[Mm]ars|[Mm]rz|[Mm]är|[Mm]rt|[Aa]pr|[Aa]vr|[Aa]br"
    r"|[Mm]ay|[Mm]ai|[Mm]ei|[Mm]ag|[Mm]aj|[Jj]un|[Jj]uin|[Gg]iu|[Jj]ul|[Jj]uil|[Ll]ug|[Aa]ug|[Aa]oût|[Aa]go"
    r"|[Ss]ep|[Ss]ept|[Ss]et|[Oo]ct|[Oo]kt|[Oo]tt|[Oo]ut|[Nn]ov|[Dd]ec|[Dd]éc|[Dd]ez|[Dd]ic|[Dd]es)\.?"
)
_GERMAN_MONTH: Final = r"(?:Jan|Feb|Mrz|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)"
_BETWEEN: Final = r"(?:-|\.|\. | )"
_DATES: Final = (
    rf"{_DAY}{_BETWEEN}{_MONTH}(?:{_BETWEEN}{_SHORT_OR_YEAR})?",  # 01-Mar, 1. Mrz, 01-mars-26
    rf"{_MONTH}(?:-|\. ){_SHORT_OR_YEAR}",  # Mar-01
    rf"{_GERMAN_MONTH} \d\d",  # Mrz 26
    rf"{_YEAR}-{_MONTH_IN_FULL}-{_DAY_IN_FULL}{_TIME}",  # 2026-03-01 00:00:00
    rf"{_YEAR}/{_DAY}/{_DAY}{_TIME}",
    rf"{_DAY}/{_DAY}/{_SHORT_OR_YEAR}{_TIME}",  # 3/1/2026
    rf"{_DAY_IN_FULL}\.{_MONTH_IN_FULL}\.{_SHORT_OR_YEAR}{_TIME}",  # 01.03.2026
    r"\d{2,3}:\d\d:\d\d(?: [AP]M)?",  # 1:30, as 01:30:00
)
_ERRORS: Final = (r"#\p{Lu}[\p{Lu}_]+[!?]", r"#DIV/0!", r"#N/[AD]", r"#NV", r"#{3,}", r"Err:5\d\d")


@dataclass(frozen=True)
class Form:
    """A form of text that a spreadsheet writes, with the texts of the warning."""

    code: str
    pattern: str
    sentence: str
    remedy: str


_AS_TEXT: Final = "write it as your own system has it, in a column that the spreadsheet treats as text"
_SHORTENED_FORM: Final = Form(
    "shortened_number", SHORTENED, "looks like a number that a spreadsheet has shortened: its digits are lost", _AS_TEXT
)
DATE: Final = Form(
    "date", rf"\A(?:{'|'.join(_DATES)})\z", "looks like a date that a spreadsheet has made of it", _AS_TEXT
)
_ERROR: Final = Form(
    "formula_error", rf"\A(?:{'|'.join(_ERRORS)})\z", "is what a spreadsheet shows for a failed formula", _AS_TEXT
)
_BOOLEAN: Final = Form("boolean", r"\A(?:TRUE|FALSE)\z", "is how a spreadsheet writes true and false", _AS_TEXT)
_MARKED: Final = Form(
    "text_mark",
    r"""\A(?:'[=+\-@]|'[\d.,]+\z|="[^"]*"\z)""",
    "has a mark by which a spreadsheet treats it as text",
    "write it without the mark, unless the mark belongs to it",
)
LOST_LETTERS: Final = Form(
    "lost_letters",
    r"\p{L}\?\p{Lu}|\A\?\p{Ll}|[^?]\?{3}",  # bulk.input.damaged_text has those that are certain
    "has question marks where letters may have been: it was saved in an encoding that lacks them",
    "write the letters again and save the file as CSV UTF-8",
)
MAX_IN_LETTERS: Final = 12
"""The most bytes of a form that begins with a letter: `sept. 2026` in the longest of the languages."""
_DECIMAL: Final = Form(
    "decimal_number",
    r"\A(?:\d+[.,]0{1,2}|\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3}){2,})\z",
    "looks like a number that a program has written with decimals or separators",
    _AS_TEXT,
)
OF_IDS: Final = (_SHORTENED_FORM, DATE, _ERROR, _BOOLEAN, _MARKED, _DECIMAL)
OF_NAMES: Final = (_SHORTENED_FORM, DATE, _ERROR, _MARKED)
