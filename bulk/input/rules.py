"""The rules for each row. `bulk.problems` has the sentence for each broken rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk.input.columns import FIELDS, REQUIRED
from bulk.input.emails import read_addresses
from bulk.input.empty import BLANK, trimmed
from bulk.input.frames import NOT_TEXT, SURPLUS, TYPED
from bulk.input.names import fold_names
from bulk.input.platform_keys import PlatformKeys
from bulk.problems import WHOLE_ROW, field_of

MAX_ID: Final = 100
"""The identifier becomes the value of a tag, which has at most 100 characters in Codat."""
MAX_NAME: Final = 500
"""The limit for the name that is sent."""
MAX_DESCRIPTION: Final = 5_000

# Characters, as parts of patterns.
CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
CONTROL_BUT_SPACING: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_UNUSABLE: Final = CONTROL_BUT_SPACING.replace(r"\x0b", "")
"""The characters that reject a text. A vertical tab is a line break in FileMaker, and is read as one."""
_NEAREST: Final = pl.col("nearest")


@dataclass(frozen=True)
class Rule:
    """One possible problem of a row."""

    code: str
    is_broken: pl.Expr
    parameters: tuple[pl.Expr, ...] = ()
    """The parameters of the problem's sentence, as named columns."""
    can_break_plain: bool = True
    """Whether a plain field can break it, in the words of `bulk.input.plain`. If not, plain rows are not checked."""
    shown: pl.Expr | None = None
    """The text that breaks the rule, if the field has none: the digits of bytes, or a word that counts as empty."""

    @property
    def value(self) -> pl.Expr:
        """The text that breaks the rule."""
        if self.shown is not None:
            return self.shown
        field = field_of(self.code)
        return pl.col(SURPLUS if field == WHOLE_ROW else field)


def _of_unusual(code: str, is_broken: pl.Expr, *parameters: pl.Expr) -> Rule:
    """Return a rule that no plain field breaks."""
    return Rule(code, is_broken, parameters, can_break_plain=False)


def _in_file(field: str) -> str:
    """Return the name of the column with a required field as it is in the file, trimmed."""
    return f"{field}_in_file"


def _missing(field: str) -> Rule:
    is_missing = pl.col(field).is_null() & _bytes(field).is_null()
    if field == "customer_id":
        is_missing &= pl.col(TYPED).is_null()
    return Rule(f"{field}_missing", is_missing, can_break_plain=False, shown=pl.col(_in_file(field)))


def _bytes(field: str) -> pl.Expr:
    """Return the digits of a field's bytes that are not text, or null."""
    return pl.col(NOT_TEXT).str.extract(rf"(?:\A|;){field}=([0-9a-f]+);")


def _not_text(field: str) -> Rule:
    digits = _bytes(field)
    return Rule(f"{field}_not_text", digits.is_not_null(), can_break_plain=False, shown=digits)


def _typed(kind: str) -> Rule:
    """Return the rule for an identifier that is a number, a date or a boolean in a workbook."""
    is_broken = pl.col(TYPED).str.starts_with(kind[0])
    return Rule(f"customer_id_{kind}", is_broken, can_break_plain=False, shown=pl.col(TYPED).str.slice(1))


def _too_long(field: str, limit: int, *, column: str = "") -> Rule:
    # polars knows the number of bytes, and a text has no more characters than that, so few texts need counting.
    text = pl.col(column or field)
    is_broken = (text.str.len_bytes() > limit) & (text.str.len_chars() > limit)
    return _of_unusual(f"{field}_too_long", is_broken, pl.lit(limit).alias("max_characters"))


def _control(field: str, characters: str) -> Rule:
    return _of_unusual(f"{field}_control_character", pl.col(field).str.contains(f"[{characters}]"))


RULES: Final = (
    _not_text("customer_id"),
    _typed("number"),
    _typed("date"),
    _typed("boolean"),
    _missing("customer_id"),
    _too_long("customer_id", MAX_ID),
    _control("customer_id", CONTROL),
    _not_text("company_name"),
    _missing("company_name"),
    _too_long("company_name", MAX_NAME, column="name_sent"),
    _control("company_name", _UNUSABLE),
    _of_unusual("company_name_unusable", pl.col("name_sent") == ""),
    _not_text("platform"),
    _missing("platform"),
    _control("platform", CONTROL),
    _of_unusual(
        "platform_unknown",
        pl.col("platform_key").is_null() & pl.col("unlisted").is_null() & pl.col("platform").is_not_null(),
        _NEAREST,
    ),
    _of_unusual("platform_unlisted", pl.col("unlisted").is_not_null(), pl.col("unlisted").alias("key"), _NEAREST),
    _not_text("description"),
    _too_long("description", MAX_DESCRIPTION),
    _control("description", _UNUSABLE),
)


def apply_rules(rows: pl.DataFrame, keys: PlatformKeys) -> pl.DataFrame:
    """Trim the fields and read the addresses; add `name_sent`, `platform_key`, and for each rule whether it is broken.

    A ragged row breaks none of them, because its fields are meaningless. The column `unlisted` has the words of four
    letters that are no platformKeys. The columns `email_cell` and `email_problem` have the cell and what is wrong with
    it, which rejects no row.
    """
    platform_key, unlisted = (
        pl.col("platform").map_batches(find, return_dtype=pl.String, is_elementwise=True).alias(name)
        for name, find in (("platform_key", keys.keys), ("unlisted", keys.unlisted))
    )
    in_file = [pl.col(name).str.strip_chars(BLANK).replace("", None).alias(_in_file(name)) for name in REQUIRED]
    rows = rows.with_columns(*(trimmed(pl.col(name)) for name in FIELDS), *in_file)
    rows = rows.with_columns(pl.col("description").str.replace_all("\v", "\n", literal=True))
    rows = _with_addresses(rows)
    rows = rows.with_columns(fold_names(pl.col("company_name")).alias("name_sent"), platform_key, unlisted)
    is_ragged = pl.col("is_ragged")
    return rows.with_columns((rule.is_broken.fill_null(value=False) & ~is_ragged).alias(rule.code) for rule in RULES)


def _with_addresses(rows: pl.DataFrame) -> pl.DataFrame:
    """Replace the cells for emails by their addresses, and add `email_cell, email_problem`."""
    is_ragged, digits = pl.col("is_ragged"), _bytes("email")
    cell, address = pl.coalesce("email", digits).alias("email_cell"), read_addresses(pl.col("email")).alias("read")
    read = rows.with_columns(cell, address)
    read = read.with_columns(pl.col("read").struct.field("email", "email_problem")).drop("read")
    not_text = pl.when(digits.is_not_null()).then(pl.lit("email_not_text")).otherwise("email_problem")
    return read.with_columns(pl.when(~is_ragged).then(not_text).alias("email_problem"))
