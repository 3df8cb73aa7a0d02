"""The order of tests in several workers."""

from __future__ import annotations

from support.long_tests import spread


def test_each_worker_begins_with_long_tests() -> None:
    """Shares have equal sizes, and the short tests keep their order."""
    ordered = spread("ABC", "abcdefgh", workers=2)
    assert ["".join(ordered[:5]), "".join(ordered[5:])] == ["ACabc", "Bdefgh"]


def test_no_test_is_lost() -> None:
    """This holds for any numbers of tests and workers."""
    for long in range(6):
        for short in range(12):
            for workers in range(1, 6):
                names = ([f"long {n}" for n in range(long)], [f"short {n}" for n in range(short)])
                assert sorted(spread(*names, workers=workers)) == sorted(names[0] + names[1])
