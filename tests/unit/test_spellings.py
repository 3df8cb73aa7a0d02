"""One identifier in several spellings: what spreadsheets and exports make of it, and what is another identifier."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.spellings import exact_ranges, is_spelling_of, power_keys, rounded_keys, spelling_key

LONG = "4123456789012345678"
UUID = "550e8400-e29b-41d4-a716-446655440000"


@pytest.mark.parametrize(
    ("changed", "original"),
    [
        ("123", "00123"),
        ("0", "000"),
        ("-7", "-007"),
        ("447911123456", "+447911123456"),
        ("1001.0", "1001"),
        ("1001,00", "1001"),
        ("1001.", "1001"),
        ("1.1", "1.10"),
        ("1,001", "1001"),
        ("1,001.0", "001001"),
        ("1.001,0", "1001"),
        ("1.234.567", "1234567"),
        ("12,34,567", "1234567"),  # India
        ("1'001", "1001"),  # Switzerland
        ("1 001", "1001"),
        ("1\u00a0001", "1001"),  # France, with a no-break space
        ("1\u202f001,00", "1001"),  # and with a narrow one
        ('="001"', "001"),
        ("'001", "001"),
        ("'1,001.00", "01001"),
        ('="\'001"', "1"),
        ('"5551"', "5551"),
        ('""5551""', "5551"),  # quoted twice
        ("“5551”", "5551"),
        ("'5551'", "5551"),
        ("‘5551’", "5551"),
        ("’001", "001"),
        ("=001", "001"),
        ("`001", "001"),
        ("`A-1`", "A-1"),
        ('"=’1,001.0"', "01001"),
        ('="1.23E+19"', "12300000000000000000"),
        ("'5\"", '5"'),
        ("１００１", "1001"),
        ("Ａ－１", "A-1"),
        ("1.23E+19", "12300000000000000000"),
        ("1.23457e+19", "12345678901234567890"),
        ("1,23E+19", "12345678901234567890"),
        ("1.2345678901234567e19", "12345678901234567890"),  # without a sign, as Rust writes it
        ("1.23E+19", "1.23457E+19"),  # rounded twice
        ("1.00E+19", "9999999999999999999"),  # a digit more
        ("1.001E+03", "1001"),
        ("1e+05", "100000"),
        ("4.12346E+18", LONG),
        ("4123456789012340000", LONG),  # cut to 15 digits
        ("4123456789012350000", LONG),  # rounded to 15 digits
        (str(int(float(LONG))), LONG),
        ("4123456789012346000", LONG),  # the digits of the float's text
        ("4123456789012345856.0", LONG),
        ("1200000", "12E5"),
        ("1.20E+06", "12E5"),
        ("550e8400e29b41d4a716446655440000", UUID),
        ("{550E8400-E29B-41D4-A716-446655440000}", UUID),
        ("{550E8400E29B41D4A716446655440000}", UUID),
        ('="{550E8400-E29B-41D4-A716-446655440000}"', UUID),
        ("12345678-1234-1234-1234-123456789012", "12345678123412341234123456789012"),  # a UUID without letters
        ("Cafe\u0301", "Café"),
        ("Ash\u00a0 Ltd", "Ash Ltd"),
        (" Ash  Ltd ", "Ash Ltd"),
        ("A\u200b1", "A1"),
        ("\ufeffA1", "A1"),
        ("cus\u00adtomer", "customer"),
    ],
)
def test_these_are_spellings_of_one_identifier(changed: str, original: str) -> None:
    """In both directions: either of them may be in the file."""
    assert is_spelling_of(changed, original)
    assert is_spelling_of(original, changed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1001", "1001"),  # the same spelling
        ("A1", "a1"),
        ("12E5", "12e5"),
        ("1.5E+10", "1.5e+10"),
        ("É", "é"),
        ("123", "124"),
        ("123", "-123"),
        ("1001", "1001.5"),
        ("1.001", "1001"),  # a decimal number
        ("0,123", "123"),
        ("1 01", "101"),
        ("A 1", "A1"),
        ("A-1", "A1"),
        ("C00123", "C123"),
        ("1.23E+19", "1.24E+19"),
        ("1.23E+19", "1.23E+20"),
        ("1.23E+19", "-1.23E+19"),
        ("1.23E+19", "12400000000000000000"),
        ("4123456789012370000", LONG),
        ("412345678901234567", LONG),
        ("~A1", "A1"),
        ("~A1", "1.23E+19"),
        ("12E500", "12"),  # no program reads it as a number
        ("550e8400-e29b-41d4-a716-446655440001", UUID),
        ("{A1}", "A1"),
        ('"A1"', "a1"),
        ('A"1"', "A1"),
        ("A1'", "A1"),
        ("5'", '5"'),
        ("", "'"),
        ("", '""'),
        ("", '=""'),
        ("", "0"),
    ],
)
def test_these_are_two_identifiers(one: str, other: str) -> None:
    """Letter case alone never makes a spelling."""
    assert not is_spelling_of(one, other)
    assert not is_spelling_of(other, one)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _of_numbers(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: change(text) if _is_number(text) else text


def _shortened(digits: int, letter: str, rounding: str) -> Callable[[str], str]:
    def shorten(text: str) -> str:
        if not _is_number(text) or len(text.lstrip("0")) < 6:
            return text
        with localcontext() as context:
            context.prec, context.rounding = digits, rounding
            mantissa, _, exponent = f"{+Decimal(text):E}".partition("E+")
        return f"{mantissa}{letter}+{exponent or 0}"

    return shorten


def _fifteen_digits(rounding: str) -> Callable[[str], str]:
    def cut(text: str) -> str:
        with localcontext() as context:
            context.prec, context.rounding = 15, rounding
            return f"{+Decimal(text):f}"

    return _of_numbers(cut)


def _grouped(separator: str) -> Callable[[str], str]:
    def group(text: str) -> str:
        return f"{int(text):,}".replace(",", separator)

    return _of_numbers(group)


ON_NUMBERS = {
    "zeros are lost": _of_numbers(lambda text: text.lstrip("0") or "0"),
    "zeros are added": _of_numbers(lambda text: "00" + text),
    "a point": _of_numbers(lambda text: text + ".0"),
    "a comma": _of_numbers(lambda text: text + ",00"),
    "groups with commas": _grouped(","),
    "groups with spaces": _grouped("\u202f"),
    "groups with apostrophes": _grouped("'"),
    "cut": _fifteen_digits(ROUND_DOWN),
    "rounded": _fifteen_digits(ROUND_HALF_UP),
    "a float": _of_numbers(lambda text: str(int(float(text)))),
    "a float's text": _of_numbers(lambda text: repr(float(text))),
    "3 digits": _shortened(3, "E", ROUND_HALF_UP),
    "6 digits": _shortened(6, "E", ROUND_HALF_UP),
    "6 digits in Python": _shortened(6, "e", ROUND_HALF_EVEN),
    "15 digits": _shortened(15, "E", ROUND_DOWN),
    "a decimal comma": lambda text: text.replace(".", ",") if "E" in text else text,
}
ON_TEXTS = {
    "full-width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "zero-width": lambda text: text[:1] + "\u200b" + text[1:],
    "a soft hyphen": lambda text: text[:-1] + "\u00ad" + text[-1:],
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "composed": lambda text: unicodedata.normalize("NFC", text),
    "doubled spaces": lambda text: text.replace(" ", "  "),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "spaces around": lambda text: f" {text}\u3000",
    "an apostrophe": lambda text: "'" + text,
    "a typographic apostrophe": lambda text: "’" + text,
    "a backquote": lambda text: "`" + text,
    "an equals sign": lambda text: "=" + text,
    "a formula": lambda text: f'="{text}"',
    "quotes": lambda text: f'"{text}"',
    "typographic quotes": lambda text: f"“{text}”",
    "single quotes": lambda text: f"'{text}'",
}
ON_UUIDS = {
    "capitals": str.upper,
    "no hyphens": lambda text: text.replace("-", "") if not text.startswith("-") else text,
    "braces": lambda text: text if text.startswith("{") else "{" + text + "}",
}


def _chains(damages: dict[str, Callable[[str], str]]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(damages)), min_size=1, max_size=3)


def _apply(text: str, chain: list[str], damages: dict[str, Callable[[str], str]]) -> str:
    for name in chain:
        text = damages[name](text)
    return text


NUMBERS = st.from_regex(r"0{0,3}[1-9][0-9]{0,24}", fullmatch=True)


@given(NUMBERS, _chains(ON_NUMBERS | ON_TEXTS))
def test_a_number_with_several_damages_is_still_a_spelling_of_itself(number: str, chain: list[str]) -> None:
    """Any of two or three, in any order."""
    changed = _apply(number, chain, ON_NUMBERS | ON_TEXTS)
    assert is_spelling_of(changed, number) or changed == number, changed


@given(st.text(st.sampled_from("aZé Å-ñ9.ü"), min_size=1).filter(str.strip), _chains(ON_TEXTS))
def test_a_word_with_several_damages_is_still_a_spelling_of_itself(word: str, chain: list[str]) -> None:
    """Nothing but its characters changes."""
    assert spelling_key(_apply(word, chain, ON_TEXTS)) == spelling_key(word)


@given(st.uuids(), _chains(ON_UUIDS | ON_TEXTS))
def test_a_uuid_with_several_damages_is_still_a_spelling_of_itself(uuid: object, chain: list[str]) -> None:
    """With or without hyphens, braces and capitals."""
    order = sorted(chain, key=lambda name: name in ON_TEXTS)  # braces are around the UUID, not around its damages
    assert spelling_key(_apply(str(uuid), order, ON_UUIDS | ON_TEXTS)) == spelling_key(str(uuid))


@given(st.integers(0, 10**15 - 1), st.integers(0, 10**15 - 1), _chains(ON_TEXTS))
def test_different_numbers_are_never_spellings_of_each_other(one: int, other: int, chain: list[str]) -> None:
    """Up to 15 digits, which every program keeps."""
    assert one == other or not is_spelling_of(str(one), _apply(str(other), chain, ON_TEXTS))


@given(st.from_regex(r"[G-Zg-z]{1,3}[-/ ]?[0-9]{1,4}", fullmatch=True), _chains(ON_TEXTS))
def test_letter_case_alone_is_never_another_spelling(word: str, chain: list[str]) -> None:
    """Two customers may differ by it."""
    assert not is_spelling_of(word, word.swapcase())
    assert not is_spelling_of(word, _apply(word.swapcase(), chain, ON_TEXTS))


@given(st.text("0123456789eE+.,"))
def test_letter_case_is_kept_in_numbers_with_an_exponent(text: str) -> None:
    """They are the only numbers with a letter."""
    assert not is_spelling_of(text, text.swapcase())


@given(st.text(max_size=30) | st.text("0123456789.,'‘’`=\"“”eE+-~ \u00a0\u200b\uff10\u02dc\u0338{}", max_size=30))
def test_the_key_of_any_text_is_its_own_key(text: str) -> None:
    """No text makes these functions fail."""
    key = spelling_key(text)
    assert spelling_key(key) == key
    assert exact_ranges(text) is not None
    assert rounded_keys(text) is not None
    assert key.startswith("~") is (re.fullmatch(r"~-?\d(\.\d+)?[eE]\+\d+", key) is not None)


@pytest.mark.parametrize("text", ["9" * 400, "1" * 5000, "1E+999", "9.99E+999", "1E999", "'" * 5000, "\ud800", "0E+5"])
def test_no_text_is_too_long_or_too_strange(text: str) -> None:
    """Numbers that no float can hold are texts, or have a key as any other."""
    assert spelling_key(spelling_key(text)) == spelling_key(text)
    assert not is_spelling_of(text, "1001")


@given(NUMBERS)
def test_a_rounded_key_stands_for_the_number_that_it_was_made_of(number: str) -> None:
    """The two ways to find it agree."""
    key = spelling_key(number)
    for rounded in rounded_keys(number):
        assert spelling_key(rounded) == rounded
        if rounded.startswith("~"):
            assert any(low <= key <= high and len(low) == len(key) for low, high in exact_ranges(rounded)), rounded


@pytest.mark.parametrize(
    ("key", "ranges"),
    [
        ("~1.23E+5", (("122445", "123555"),)),
        ("~1E+5", (("94445", "99999"), ("100000", "155555"))),
        ("~-1.23E+5", (("-122445", "-123555"),)),
        ("~1.001E+3", (("1001", "1001"),)),
        ("~1.0015E+3", ()),  # not a whole number
        ("1001", ()),
        ("A1", ()),
    ],
)
def test_a_range_has_numbers_of_one_length(key: str, ranges: tuple[tuple[str, str], ...]) -> None:
    """So their order as texts is that of the numbers."""
    assert exact_ranges(key) == ranges


def test_only_a_number_has_rounded_keys() -> None:
    """Short numbers are never shortened, and 15 digits are never rounded."""
    assert (
        rounded_keys("A123456") == rounded_keys("12345") == rounded_keys("1.23E+19") == rounded_keys("1234567.5") == ()
    )
    assert all(key.startswith("~") for key in rounded_keys("123456789012345"))
    assert {"~1.2E+6", "~1.2e+6"} < set(rounded_keys("1,200,000"))


@given(st.integers(1, 999), st.integers(1, 30), st.sampled_from("eE"), st.integers(1, 3))
def test_a_number_leads_back_to_the_identifier_that_became_it(
    digits: int, exponent: int, letter: str, width: int
) -> None:
    """`1E5` is an identifier, of which programs make 100000 or `1.00E+05`."""
    customer_id = f"{digits}{letter}{exponent:0{width}}"
    assert customer_id in power_keys(str(digits * 10**exponent))
    assert customer_id in power_keys(f"{digits * 10**exponent:.2E}")


@pytest.mark.parametrize("customer_id", ["0", "7", "1001", "1.5", "A00", "-100", "1E5"])
def test_other_identifiers_were_no_power(customer_id: str) -> None:
    """A number without zeros at its end needs no exponent."""
    assert power_keys(customer_id) == ()
