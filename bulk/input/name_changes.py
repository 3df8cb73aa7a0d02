"""Groups the names that are changed before they are sent, by the way in which they change.

A name that changes in several ways counts once, for the first of them: the one that loses most.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.input.names import ACCENTS, DASHES, KEPT, QUOTES, plain_letters
from bulk.problem_groups import Group, Groups, Texts

_NAME: Final = pl.col("company_name")
_PLAIN: Final = pl.col("plain")
_WAYS: Final = {
    "letters": Texts("loses letters, because Codat keeps Latin letters only", "check that the rest is a good name"),
    "characters": Texts("loses characters that Codat does not keep", ""),
    "accents": Texts("gets plain letters", ""),
    "signs": Texts("gets plain quotes and dashes", ""),
    "breaks": Texts("loses tabs or line breaks", ""),
    "spaces": Texts("loses spaces", ""),
}
_TESTS: Final = {
    "letters": _PLAIN.str.contains(r"[\p{L}\p{N}--[A-Za-z0-9]]"),
    "characters": _PLAIN.str.contains(rf"[^\s\p{{M}}\p{{L}}\p{{N}}{KEPT}]"),
    "accents": _NAME.str.contains(rf"[\p{{L}}\p{{N}}\p{{M}}{ACCENTS}--[A-Za-z0-9]]"),
    "signs": _NAME.str.contains(f"[{QUOTES}{DASHES}]"),
    "breaks": _NAME.str.contains(r"[\t-\r\x85\u2028\u2029]"),
}
_WAY: Final = pl.coalesce(*(pl.when(is_way).then(pl.lit(way)) for way, is_way in _TESTS.items()), pl.lit("spaces"))


class NameChanges:
    """Examines all names of an input that change, in order, and then returns the groups."""

    def __init__(self) -> None:
        self._groups = Groups(lambda way: Texts(f"company_name {_WAYS[way].sentence}", _WAYS[way].remedy), merges=False)

    def add(self, renamed: pl.DataFrame) -> None:
        """Examine some names: `row, company_name, name_sent`."""
        if renamed.is_empty():
            return
        ways = renamed.with_columns(plain_letters(_NAME).alias("plain")).with_columns(_WAY.alias("code"))
        self._groups.add(
            ways.select(
                "row",
                "code",
                pl.lit("company_name").alias("field"),
                _NAME.alias("value"),
                pl.col("name_sent").alias("sentence"),
                pl.lit("").alias("remedy"),
            )
        )

    def result(self) -> tuple[Group, ...]:
        """Return the groups, the largest first. The sentence of a value is the name that is sent."""
        return self._groups.result()
