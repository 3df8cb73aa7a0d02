"""Turns columns of Arrow into series of polars that `cell_text.as_text` can write, whatever their type.

polars panics or stops at some types of Arrow. So it is given only types that it certainly has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import polars as pl
import pyarrow as pa

from bulk.input.binary_text import utf8_texts
from bulk.input.cell_text import as_text

_PLAIN: Final = (
    pa.types.is_integer,
    pa.types.is_boolean,
    pa.types.is_null,
    pa.types.is_time,
    pa.types.is_duration,
    pa.types.is_float32,
    pa.types.is_float64,
)
BYTES: Final = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
TEXTS: Final = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_MAX_DIGITS: Final = 38
"""The most digits of a decimal number in polars."""
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)")
_MAX_DAYS: Final = 36_500_000
"""The most days between 1970 and a time with a date, in both directions. polars panics at later ones."""
_A_DAY: Final = {
    "s": 86_400_000,
    "ms": 86_400_000,
    "us": 86_400_000_000,
    "ns": 86_400_000_000_000,
}  # polars has no seconds
_INTERVAL_SIZE: Final = 12  # bytes
_MAX_MONTHS: Final = 12


def series(array: pa.Array) -> pl.Series:
    """Return the cells of an array. A text with bytes that are not UTF-8 makes the series binary.

    Raises exceptions of any kind for cells that cannot be read.
    """
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return series(array.storage)
    if pa.types.is_dictionary(kind):
        return _from_dictionary(array)
    if is_any(kind, TEXTS):
        return _texts(array)
    if is_any(kind, BYTES):
        return _binary(array)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _times(array)
    if pa.types.is_float16(kind):
        return _series(array.cast(pa.float32()))
    if is_any(kind, _PLAIN) or (pa.types.is_decimal128(kind) and 0 <= kind.scale <= kind.precision <= _MAX_DIGITS):
        return _series(array)
    return pl.Series([_text(value) for value in array.to_pylist()], dtype=pl.String)


def is_any(kind: pa.DataType, tests: tuple[Callable[[pa.DataType], bool], ...]) -> bool:
    """Return whether one of these tests is true of a type."""
    return any(test(kind) for test in tests)


def intervals(array: pa.Array) -> pl.Series:
    """Return intervals of Parquet as ISO 8601 durations, such as `P1M2DT3.5S`."""
    return pl.Series([None if raw is None else _interval(raw) for raw in array.to_pylist()], dtype=pl.String)


def _series(array: pa.Array) -> pl.Series:
    found = pl.from_arrow(array)
    if not isinstance(found, pl.Series):
        raise TypeError("an array has become a table")
    return found


def _binary(array: pa.Array) -> pl.Series:
    return _series(array.cast(pa.large_binary()))


def _texts(array: pa.Array) -> pl.Series:
    raw = _binary(array)
    texts = utf8_texts(raw)
    return texts if texts.null_count() == raw.null_count() else raw


def _from_dictionary(array: pa.DictionaryArray) -> pl.Series:
    """Return the cells of a dictionary. A long text in many cells stays in memory only once."""
    numbers = _series(array.indices.cast(pa.uint32()))
    return series(array.dictionary).gather(numbers)


def _times(array: pa.Array) -> pl.Series:
    """Return dates or times. One that is too far from today for a calendar becomes a number, and the others text."""
    zone = array.type.tz if pa.types.is_timestamp(array.type) else None
    times, is_near = _near_times(array)
    if is_near.all():
        return _in_zone(times, zone)
    near = _in_zone(times.zip_with(is_near, pl.Series([None], dtype=times.dtype)), zone)
    texts = near.to_frame("time").select(as_text(pl.col("time"), near.dtype)).to_series()
    return texts.zip_with(is_near, times.to_physical().cast(pl.String))


def count_far_times(array: pa.Array) -> int:
    """Return the number of cells that `series` makes numbers because they are too far from today for a calendar."""
    is_time = pa.types.is_timestamp(array.type) or pa.types.is_date(array.type)
    return int((~_near_times(array)[1]).sum()) if is_time else 0


def has_unknown_zone(kind: pa.DataType) -> bool:
    """Return whether the cells of a type are times in a zone that is unknown. `series` leaves them in UTC."""
    zone = kind.tz if pa.types.is_timestamp(kind) else None
    if zone is None or _OFFSET.fullmatch(zone):
        return False
    try:
        _converted(pl.Series([0], dtype=pl.Datetime("ms")), zone)
    except pl.exceptions.PolarsError:
        return True
    return False


def _near_times(array: pa.Array) -> tuple[pl.Series, pl.Series]:
    """Return dates or times without their zone, and whether each is near enough for a calendar."""
    kind = array.type
    if pa.types.is_date(kind):
        times, a_day = _series(array), 1 if pa.types.is_date32(kind) else _A_DAY["ms"]
    else:
        times, a_day = _series(array.cast(pa.timestamp(kind.unit))), _A_DAY[kind.unit]
    return times, (times.to_physical() // a_day).is_between(-_MAX_DAYS, _MAX_DAYS)


def _in_zone(times: pl.Series, zone: str | None) -> pl.Series:
    """Return times, which are in UTC, in their zone. One with an offset is a text, because polars has no such type."""
    if zone is None:
        return times
    if offset := _OFFSET.fullmatch(zone):
        sign, hours, minutes = offset.groups()
        local = times.dt.offset_by(f"{sign}{hours}h{minutes}m").dt.to_string("iso:strict")
        return local.str.replace(r"\.0+\z", "") + pl.Series([zone])
    try:
        return _converted(times, zone)
    except pl.exceptions.PolarsError:  # an unknown zone
        return times.dt.replace_time_zone("UTC")


def _converted(times: pl.Series, zone: str) -> pl.Series:
    return times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)


def _interval(raw: bytes) -> str:
    if len(raw) != _INTERVAL_SIZE:
        raise ValueError("an interval has 12 bytes")
    months, days, milliseconds = (int.from_bytes(raw[at : at + 4], "little") for at in (0, 4, 8))
    years, months = divmod(months, _MAX_MONTHS)
    dated = "".join(f"{number}{unit}" for number, unit in ((years, "Y"), (months, "M"), (days, "D")) if number)
    seconds = f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".")
    return f"P{dated}" + (f"T{seconds}S" if milliseconds or not dated else "")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=_text, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, bytes):
        return value.decode() if _is_utf8(value) else value.hex()
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return text.rstrip("0").rstrip(".") if isinstance(value, Decimal) and "." in text else text


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
