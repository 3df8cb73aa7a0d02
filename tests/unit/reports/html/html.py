"""Parses a page without a browser, and decodes its rows as its script does."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import polars as pl

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}


class Html(HTMLParser):
    """The elements of a page, with attributes and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []  # of each element, with those inside it
        self.unbalanced: list[str] = []
        self._open: list[int] = []
        self.feed(text)
        self.close()
        self.unbalanced += [self.elements[place][0] for place in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element."""
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element that ends where it begins."""
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if self._open and self.elements[self._open[-1]][0] == tag:
            self._open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        """Add text to all open elements."""
        for place in self._open:
            self.texts[place] += data

    def all(self, tag: str, **attributes: str | None) -> list[tuple[dict[str, str | None], str]]:
        """Return attributes and text of each element with this name and these attributes."""
        found = zip(self.elements, self.texts, strict=True)
        return [(has, text) for (name, has), text in found if name == tag and attributes.items() <= has.items()]

    def text(self, tag: str, **attributes: str | None) -> str:
        """Return the text of the only such element, with single spaces."""
        ((_, text),) = self.all(tag, **attributes)
        return " ".join(text.split())

    def rows(self) -> list[tuple[str, ...]]:
        """Return the texts of the cells of all table rows."""
        found: list[list[str]] = []
        for (tag, _), text in zip(self.elements, self.texts, strict=True):
            if tag == "tr":
                found.append([])
            elif tag in ("th", "td"):
                found[-1].append(" ".join(text.split()))
        return [tuple(row) for row in found]


def listed(page: Html) -> pl.DataFrame:
    """Return the rows that the page contains."""
    return decoded(json.loads(page.all("script", id="data")[0][1]))


def decoded(columns: list[dict[str, Any]]) -> pl.DataFrame:
    """Decode the columns as the page's script does."""
    for column in columns:
        column["values"] = [_value(column, columns, place) for place in range(len(column["values"]))]
    return pl.DataFrame([pl.Series(column["name"], column["values"]) for column in columns])


def _value(column: dict[str, Any], columns: list[dict[str, Any]], place: int) -> object:
    value = column["values"][place]
    if value is None:
        return None
    if "words" in column:
        return column["words"][value]
    if "same_as" in column and value == 0:
        return columns[column["same_as"]]["values"][place]
    return column.get("prefix", "") + value if isinstance(value, str) else value
