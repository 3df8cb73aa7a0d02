"""The one table of the problems that a row can have: for each code its field, sentence and remedy.

Most of them reject the row or hold it in conflict. Those of the email do neither.

Rows carry problems as JSON: a list of objects such as `{"code": "platform_missing", "field": "platform", "value": ""}`,
with parameters if the sentence needs them. A problem becomes a sentence only when it is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Required, TypedDict, cast

from bulk import platforms
from bulk.text import count

WHOLE_ROW: Final = "row"
"""The `field` of problems of a whole row: its cells may be in the wrong columns."""


class Problem(TypedDict, total=False):
    """One problem of a row."""

    code: Required[str]
    field: Required[str]
    value: Required[str | None]
    """The cell's text, shortened, on one line, with the codes of control characters."""
    first_row: int
    cells: int
    expected: int
    max_characters: int
    key: str
    """A word of four letters that is not a platformKey."""
    nearest: list[str]
    """The names that may be meant, or none if no name is similar."""
    address: str
    """The first one of several."""
    found: str
    """The name, the identifier or the customer that a conflict is with; or the text before it was damaged, or ""."""


@dataclass(frozen=True, slots=True)
class _Text:
    """The texts for a problem. Texts may contain parameters; the texts for a group must not."""

    field: str
    sentence: str
    remedy: str
    group_sentence: str = ""
    group_remedy: str = ""


_CONTROL: Final = "contains a control character"
_CONTROL_OR_BREAK: Final = "contains a line break or another control character"
_NOT_TEXT: Final = "has bytes that are not text"
_AS_TEXT: Final = "export the column as text, or as binary UTF-8"
_IN_WORKBOOK: Final = "format the column as text, then enter the identifier again as your own system has it: "
_ONE_ADDRESS: Final = "write one address such as name@example.com, or leave the cell empty"
_TOO_LONG: Final = "is longer than {max_characters:,} characters"


_DAMAGED: Final = "was damaged, and {probably}"
_DAMAGED_IN_GROUP: Final = "was damaged before bulk read it"
_IF_DAMAGED: Final = ", or accept this row (--accept) if it is right as it is"
_DAMAGED_REMEDY: Final = "correct them, or accept the rows (--accept-file) that are right as they are"
_IF_SAME: Final = "accept this row (--accept) if it is the same customer"
_IF_SAME_IN_GROUP: Final = "accept the rows (--accept-file) whose customers are the same"


def _too_long(field: str, remedy: str) -> _Text:
    return _Text(field, _TOO_LONG, remedy, "is too long")


_TEXTS: Final = MappingProxyType(
    {
        "too_few_cells": _Text(
            WHOLE_ROW,
            "has {counted_cells} where the header has {expected:,}",
            "add the missing cells, or put double quotes around a text that contains a line break",
            "has too few cells",
        ),
        "too_many_cells": _Text(
            WHOLE_ROW,
            "has {counted_cells} where the header has {expected:,}{last}",
            "put double quotes around a text that contains the delimiter",
            "has too many cells",
        ),
        "text_after_quote": _Text(
            WHOLE_ROW,
            "has text after the closing quote of the cell{shown}",
            "write each quote that belongs to a text twice, or export the file again",
            "has text after a closing quote",
        ),
        "customer_id_not_text": _Text("customer_id", _NOT_TEXT, _AS_TEXT),
        "customer_id_number": _Text(
            "customer_id",
            "is the number{shown} in the workbook, not a text",
            _IN_WORKBOOK + "a number may have lost leading zeros, and digits after the 15th",
            "is a number in the workbook, not a text",
        ),
        "customer_id_date": _Text(
            "customer_id",
            "is the date or time{shown} in the workbook, not a text",
            _IN_WORKBOOK + "a spreadsheet has probably made a date of it",
            "is a date or time in the workbook, not a text",
        ),
        "customer_id_boolean": _Text(
            "customer_id",
            "is the logical value{shown} in the workbook, not a text",
            _IN_WORKBOOK + "a spreadsheet has made a logical value of it",
            "is a logical value in the workbook, not a text",
        ),
        "customer_id_missing": _Text("customer_id", "is missing", "fill it in"),
        "customer_id_too_long": _too_long("customer_id", "use a shorter identifier"),
        "customer_id_control_character": _Text("customer_id", _CONTROL_OR_BREAK, "remove it"),
        "customer_id_duplicate": _Text(
            "customer_id", "duplicates row {first_row}", "keep one row for each customer", "duplicates another row"
        ),
        "customer_id_duplicate_shortened": _Text(
            "customer_id",
            "duplicates row {first_row}",
            "a spreadsheet has cut off digits: write both identifiers as your own system has them",
            "duplicates another row, because a spreadsheet has cut off digits",
            "write both identifiers as your own system has them",
        ),
        "customer_id_in_batch": _Text(
            "customer_id",
            "{quoted}is used by another row of this batch",  # the cells of the row are those before the correction
            "use another identifier, or delete this row",
            "is used by another row of this batch",
        ),
        "other_customer": _Text(
            "customer_id",
            'already belongs to the customer "{found}" of another file',
            _IF_SAME + ", otherwise migrate this file in a batch of its own with --source NAME",
            "already belongs to another customer",
            _IF_SAME_IN_GROUP,
        ),
        "other_spelling": _Text(
            "customer_id",
            'is another spelling of "{found}", which this file does not have',
            "write it as before, or accept this row (--accept) if it is another customer",
            "is another spelling of an earlier identifier",
            "write the identifiers as before, or accept the rows (--accept) if they are other customers",
        ),
        "other_name": _Text(
            "company_name",
            'is not the name of this customer\'s company in Codat, "{found}"',
            _IF_SAME
            + ", or pass --source NAME if another system uses the same identifiers (with a new --batch if this "
            "batch has companies in Codat)",
            "is not the name of the customer's company in Codat",
            _IF_SAME_IN_GROUP,
        ),
        "other_owner": _Text(
            "company_name",
            'is that of a company in Codat which belongs to customer "{found}"',
            "correct the tags of the company in Codat's portal",
            "is that of a company which belongs to another customer",
        ),
        "customer_id_damaged": _Text(
            "customer_id", _DAMAGED, "correct it in the input" + _IF_DAMAGED, _DAMAGED_IN_GROUP, _DAMAGED_REMEDY
        ),
        "company_name_damaged": _Text(
            "company_name", _DAMAGED, "correct it" + _IF_DAMAGED, _DAMAGED_IN_GROUP, _DAMAGED_REMEDY
        ),
        "company_name_not_text": _Text("company_name", _NOT_TEXT, _AS_TEXT),
        "company_name_missing": _Text("company_name", "is missing", "fill it in"),
        "company_name_too_long": _too_long("company_name", "shorten it (the limit is for the name that is sent)"),
        "company_name_control_character": _Text("company_name", _CONTROL, "remove it"),
        "company_name_unusable": _Text(
            "company_name",
            "has no character that Codat keeps",
            "write it in Latin letters (Codat keeps A-Z, a-z, 0-9, spaces and - ' & @ . , ? !)",
        ),
        "platform_not_text": _Text("platform", _NOT_TEXT, _AS_TEXT),
        "platform_missing": _Text("platform", "is missing", "fill it in"),
        "platform_control_character": _Text("platform", _CONTROL_OR_BREAK, "remove it"),
        "platform_unknown": _Text(
            "platform",
            "is unknown or ambiguous",
            "write {names}, or a platformKey of four letters",
            group_remedy="write the name of the accounting software, or its platformKey",
        ),
        "platform_unlisted": _Text(
            "platform",
            'is not the name of a known platform, and Codat does not list the platformKey "{key}"',
            "write {names}, or confirm the key with --platform-name {key}={key}",
            "is neither the name of a known platform nor a platformKey that Codat lists",
            "write the name of the accounting software, or confirm the key with --platform-name",
        ),
        "email_not_text": _Text("email", "has bytes that are not text, so the customer has no address", _AS_TEXT),
        "email_too_long": _Text("email", "is longer than 254 characters, so the customer has no address", _ONE_ADDRESS),
        "email_invalid": _Text("email", "is not an email address, so the customer has none", _ONE_ADDRESS),
        "email_several": _Text(
            "email",
            "has several addresses: {address} is used",
            "write one address if it is not the right one",
            "has several addresses: the first is used",
        ),
        "description_not_text": _Text("description", _NOT_TEXT, _AS_TEXT),
        "description_too_long": _too_long("description", "shorten it"),
        "description_control_character": _Text("description", _CONTROL, "remove it"),
    }
)
_WITH_VALUE: Final = frozenset(
    {"customer_id_in_batch", "customer_id_number", "customer_id_date", "customer_id_boolean"}
)
"""The problems whose sentences have the value."""
CODES: Final = tuple(_TEXTS)
"""The codes of all problems, in the order of the fields."""


SAME_SPELLING: Final = "is perhaps another spelling of {} in row {}"
"""The warning of an identifier, with an earlier identifier of the same file and its row. It rejects no row."""
SAME_SPELLING_REMEDY: Final = "if both are one customer, delete one of the rows; otherwise they remain two customers"


def field_of(code: str) -> str:
    """Return the field of problems with this code, or `row`."""
    return _TEXTS[code].field


def sentence(problem: Problem) -> str:
    """Return the sentence without its subject, which is the problem's field: `is missing`."""
    return _filled(_TEXTS[problem["code"]].sentence, problem)


def remedy(problem: Problem) -> str:
    """Return the remedy for the author of the file: `fill it in`."""
    return _filled(_TEXTS[problem["code"]].remedy, problem)


def group_sentence(code: str) -> str:
    """Return a sentence, with its subject, that is true of every problem with this code: `email is too long`."""
    text = _TEXTS[code]
    return f"{text.field} {text.group_sentence or text.sentence}"


def group_remedy(code: str) -> str:
    """Return a remedy that fits every problem with this code."""
    text = _TEXTS[code]
    return text.group_remedy or text.remedy


def new(code: str, value: str | None, **parameters: object) -> Problem:
    """Return a new problem, with the field of its code."""
    return cast("Problem", {"code": code, "field": field_of(code), "value": value, **parameters})


def to_text(row: Iterable[Problem]) -> str:
    """Return the problems of a row as JSON text."""
    return json.dumps(list(row), ensure_ascii=False)


def parse(text: str) -> list[Problem]:
    """Return the problems of a row from their JSON text."""
    return cast("list[Problem]", json.loads(text))


def reasons(text: str) -> str:
    """Return the column `reasons` of rejects.csv for a row's problems, which are given as JSON text."""
    return describe(parse(text))


def describe(problems: Iterable[Problem]) -> str:
    """Return the sentences and remedies of a row's problems as one text. Each names the value of the cell."""
    return "; ".join(f"{_subject(each)} {sentence(each)}: {remedy(each)}" for each in problems)


def _subject(problem: Problem) -> str:
    """Return the problem's field with the cell's value, unless the sentence has the value itself."""
    if problem["field"] == WHOLE_ROW or problem["code"] in _WITH_VALUE or not problem["value"]:
        return problem["field"]
    return f'{problem["field"]} "{problem["value"]}"'


def _filled(text: str, problem: Problem) -> str:
    return text.format_map(_Parameters(problem)) if "{" in text else text


class _Parameters(dict[str, object]):
    """A problem's parameters, and further ones that are calculated from them."""

    def __missing__(self, name: str) -> str:
        problem = cast("Problem", self)
        match name:
            case "counted_cells":
                return count(problem["cells"], "cell")
            case "last":
                return f", the last: {problem['value']}" if problem["value"] else ""
            case "shown":
                return f" {problem['value']}" if problem["value"] else ""
            case "quoted":
                return f'"{problem["value"]}" ' if problem["value"] else ""
            case "probably":
                return f'is probably "{problem["found"]}"' if problem["found"] else "has lost letters"
            case "names":
                return " or ".join(f'"{each}"' for each in problem["nearest"]) or _SUPPORTED
        raise KeyError(name)


_SUPPORTED: Final = "one of " + ", ".join(platforms.NAMES[key] for key in platforms.SUPPORTED)
