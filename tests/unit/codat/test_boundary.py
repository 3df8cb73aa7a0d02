"""Text from outside: values of the wrong type or form become None, and texts are bounded."""

from __future__ import annotations

from typing import Any

import pytest

from bulk.codat import boundary


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b'{"id": 1}', {"id": 1}),
        (b'\xef\xbb\xbf{"id": 1}', {"id": 1}),  # with a byte order mark
        # halves of characters, which a journal, a file or a request cannot contain
        (rb'{"id": "a\ud800", "na\udfffme": "\ud83d\ude00"}', {"id": "a\ufffd", "na\ufffdme": "\U0001f600"}),
        (b'{"id": "\xed\xa0\x80"}', None),  # not UTF-8
        (b"[1]", None),  # not an object
        (b"", None),
        (b'{"id": ' + b"9" * 10_000 + b"}", None),  # a number that Python does not read
        (b"[" * 100_000, None),  # nested too deeply
    ],
)
def test_json_is_an_object_with_whole_characters(body: bytes, content: dict[str, Any] | None) -> None:
    """Everything else is None."""
    assert boundary.json_object(body) == content


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), ("é株", "é株"), ("", None), (None, None), (7, None), (["a"], None), ("a\ud800", None)],
)
def test_a_text_can_be_stored(value: object, text: str | None) -> None:
    """It is neither empty nor incomplete."""
    assert boundary.text(value) == text


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (None, {}),
        (["uid"], {}),
        ({"uid": "7", "a": None, "b": 1, "c": "\udfff", "d": {}, "\ud800": "e"}, {"uid": "7"}),
    ],
)
def test_tags_are_texts(value: object, tags: dict[str, str]) -> None:
    """A tag with another value counts as missing."""
    assert boundary.tags(value) == tags


@pytest.mark.parametrize(
    ("value", "identifier"),
    [
        ("0498e921-9b53-4396-a412-4f2f5983b0a2", "0498e921-9b53-4396-a412-4f2f5983b0a2"),
        (7, "7"),
        *((value, None) for value in ("", None, [1], True, 0, ".", "..", "\ufffd", "a\n", "x" * 201)),
    ],
)
def test_an_identifier_fits_in_a_path(value: object, identifier: str | None) -> None:
    """It is plain, short, and has no meaning of its own there."""
    assert boundary.identifier({"id": value}) == identifier
    assert boundary.identifier(value) is None


@pytest.mark.parametrize(
    ("links", "path"),
    [
        ({"next": {"href": "/companies?page=2"}}, "/companies?page=2"),
        ({"next": {"href": "/companies?a=b c%20d&#"}}, "/companies?a=b%20c%20d&%23"),  # not allowed in a request line
        ({"next": {"href": "https://evil.example.com/companies"}}, None),  # another host
        ({"next": {"href": "//evil.example.com/companies"}}, None),  # another host, without a scheme
        ({"next": {"href": "companies?page=2"}}, None),  # not a path
        ({"next": {"href": 2}}, None),  # not a text
        ({"next": {"href": "/companies?page=2\n"}}, None),  # with a line break
        ({"next": {"href": "/companies?query=é"}}, None),  # not ASCII
        ({"next": {"href": "/" + "x" * 9000}}, None),  # too long
        ({"next": None}, None),  # the last page
        (None, None),
    ],
)
def test_only_a_path_is_followed(links: object, path: str | None) -> None:
    """A response must not be able to send the key to another host."""
    assert boundary.next_path(links) == path


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        ("2026-10-28T09:01:02Z", "2026-10-28T09:01:02.000000Z"),
        ("2026-10-28T09:01:02", "2026-10-28T09:01:02.000000Z"),  # without a zone
        ("2026-10-28T09:01:02.1234567Z", "2026-10-28T09:01:02.123456Z"),
        ("2026-10-28T10:01:02+01:00", "2026-10-28T09:01:02.000000Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00+14:00", None),  # before the first year
        ("yesterday", None),
        (1_730_106_062, None),
        (None, None),
    ],
)
def test_times_are_utc(value: object, exact: str | None) -> None:
    """They have whole seconds, or decimals that sort as text."""
    assert boundary.exact_time(value) == exact
    assert boundary.time(value) == (exact and exact[:19] + "Z")


@pytest.mark.parametrize(
    ("header", "number"),
    [("7", 7), (" 7 ", 7), ("1.5", 1), ("-1", -1), ("many", None), ("nan", None), ("1e300", None), (None, None)],
)
def test_a_number_in_a_header_has_a_sensible_size(header: str | None, number: int | None) -> None:
    """Python also reads numbers that Codat never sends."""
    assert boundary.header_number(header) == number


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Mon, 23 Nov 2026 00:00:00 GMT", 1_795_392_000.0),
        ("2026-11-23T00:00:00Z", 1_795_392_000.0),
        ("2026-11-23T01:00:00+01:00", 1_795_392_000.0),
        ("Mon, 99 Nov 2026 25:61:00 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_date_in_a_header_has_one_of_two_forms(header: str, seconds: float | None) -> None:
    """RFC 9110's, or ISO 8601."""
    assert boundary.header_date(header) == seconds
