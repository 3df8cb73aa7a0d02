"""Corrupts bytes and JSON; the same seed has the same result."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

MAX_BYTES = 2**20
TOKENS = (
    *(b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b'"', b'""', b",", b";", b"\t", b"|", b"'"),
    *(b"\x1a", b"\x1f\x8b", b"PAR1", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\x85", b"sep=;\n", b"customer_id", b"=1+1"),
)
# Awkward values of every type that JSON has.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 10**400, 1.5, -0.0, float("nan"), float("inf"), float("-inf")),
    *("", " ", "\0", "\ud800", "\udfff\ud800", "²", "٣", "x" * 40_000, "../..", "a\r\nb: c", "<script>", "=1+1"),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "Linked", "Deleted", "nan"),
    *([], {}, [[]], [None], {"id": None}, {"": ""}, [{"id": "x"}] * 3),
)


def damaged(content: bytes, seed: int) -> bytes:
    """Return these bytes with some of them flipped, inserted, deleted, repeated, swapped or truncated."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable test needs no secure random numbers
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8, 30))):
        at, size = rng.randrange(len(data) + 1), min(rng.choice((1, 1, 2, 4, 16, 300, 5000)), len(data))
        match rng.randrange(8):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(data):
                data[at] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 2:
                data[at:at] = rng.choice(TOKENS) * rng.choice((1, 1, 1, 2, 1000))
            case 3:
                del data[at : at + size]
            case 4:
                data[at:at] = data[at : at + size] * rng.choice((1, 1, 50))
            case 5:
                data[at : at + size] = rng.randbytes(size)
            case 6:
                other = rng.randrange(len(data) + 1)
                data[at:at] = data[other : other + size]
            case 7 if rng.random() < 0.3:
                del data[at:]
        del data[MAX_BYTES:]
    return bytes(data)


def odd(content: Any, seed: int) -> bytes:
    """Return this as JSON with some nodes missing, repeated, deep, huge or of another type."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable test needs no secure random numbers
    content = copy.deepcopy(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        places = list(_places(content))
        if not places or rng.random() < 0.02:
            content = copy.deepcopy(rng.choice(ODD))
            continue
        parent, key = rng.choice(places)
        kind = rng.randrange(10)
        if kind == 0:
            del parent[key]
        elif kind == 1 and isinstance(parent, dict):
            parent[rng.choice(("", "id", "\ud800", "x" * 300))] = parent[key]
        elif kind == 2:
            parent[key] = [parent[key]] * rng.choice((1, 2, 50))
        elif kind == 3:
            parent[key] = _nested(rng.choice((50, 300, 900)), parent[key])
        else:
            parent[key] = copy.deepcopy(rng.choice(ODD))
    written = json.dumps(content, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")
    if rng.random() < 0.05:
        written = written.replace(b'"id":', b'"id": "first", "id":')
    return written


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inner:
        yield content, key
        yield from _places(value)


def _nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner
