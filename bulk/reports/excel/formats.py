"""The formats of the workbook's cells."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from bulk.model import State
from bulk.reports.excel.sheets import Styles
from bulk.reports.excel.xlsx import style_of

ACCENT: Final = "#1F4E79"
_GREY: Final = "#595959"
_TEXT: Final[dict[str, object]] = {"num_format": "@"}  # a text typed over 00123 or =1+1 stays text too
_NUMBER: Final[dict[str, object]] = {"num_format": "0", "align": "right", "indent": 1}
_WRAPPED: Final = _TEXT | {"text_wrap": True, "valign": "top"}
_HEADER: Final = _TEXT | {"bold": True, "bottom": 1, "bottom_color": ACCENT, "valign": "bottom"}

COLOURS: Final[Mapping[State, dict[str, object]]] = MappingProxyType(
    {
        State.REJECTED: {"bg_color": "#F3E0EC", "font_color": "#74194F"},
        State.CONFLICT: {"bg_color": "#FBE3D0", "font_color": "#7A3A06"},
        State.PENDING: {"bg_color": "#EAEAEA", "font_color": "#404040"},
        State.FAILED: {"bg_color": "#FADFDB", "font_color": "#8A1C0E"},
        State.LINK_READY: {"bg_color": "#FFF2CC", "font_color": "#654A00"},
        State.LINKED: {"bg_color": "#DCE9F7", "font_color": "#1B4A7A"},
        State.COMPLETE: {"bg_color": "#DDF0DF", "font_color": "#1C5A2A"},
        State.UNLINKED: {"bg_color": "#E7E2F2", "font_color": "#483576"},
    }
)
_SUMMARY: Final[Mapping[str, dict[str, object]]] = MappingProxyType(
    {
        "title": _TEXT | {"bold": True, "font_size": 20, "font_color": ACCENT},
        "lead": _WRAPPED | {"font_size": 13},
        "heading": _TEXT | {"bold": True, "font_size": 13, "font_color": ACCENT},
        "header": _HEADER | {"text_wrap": True},
        "figure header": _HEADER | {"text_wrap": True, "align": "right"},
        "note header": _HEADER | {"align": "left", "indent": 1},
        "text": _WRAPPED,
        "warning": _WRAPPED | {"bold": True, "font_color": "#8A1C0E"},
        "label": _TEXT | {"bold": True, "valign": "top"},
        "quiet": _WRAPPED | {"font_color": _GREY},
        "note": _WRAPPED | {"font_color": _GREY, "align": "left", "indent": 1},
        "number": {"num_format": "#,##0", "valign": "top"},
        "fact": {"num_format": "#,##0", "valign": "top", "align": "left"},
        "share": {"num_format": "0.0%", "valign": "top"},
    }
)


def summary_formats(book: Any) -> dict[str, Any]:
    """Add the formats of the first sheet, and return them by name."""
    return {name: book.add_format(properties) for name, properties in _SUMMARY.items()}


def state_formats(book: Any) -> dict[str, Any]:
    """Add the formats of the states, and return them by state."""
    return {str(state): book.add_format(_TEXT | colours) for state, colours in COLOURS.items()}


def table_styles(book: Any) -> Styles:
    """Add the formats of the tables, and return their numbers."""

    def style(properties: dict[str, object]) -> str:
        return style_of(book.add_format(properties))

    return Styles(
        header=style(_TEXT | {"bold": True, "font_color": "#FFFFFF", "bg_color": ACCENT}),
        text=style(_TEXT),
        number=style(_NUMBER),
        states={state: style_of(each) for state, each in state_formats(book).items()},
    )
