"""A text that is not UTF-8 is read as Windows-1252 only if all its words fit, or as the batch remembers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.errors import InputError
from bulk.input.alphabets import is_plausible
from bulk.reading import Reading
from unit.input.input_files import Outcome, read_text

TEXTS = {
    "Société Générale\nCafé Noël": ("mac_roman", "cp850", "cp437"),
    "Müller & Söhne\nGroßhandel Jäger": ("mac_roman", "cp850"),
    "Muñoz Hnos\nCompañía Señor": ("mac_roman", "cp850"),
    "Sørensen\nÅrhus Køb": ("mac_roman", "cp850"),
    "Wrocław Księgarnia\nŻabka Łódź": ("cp1250", "iso8859_2", "cp852", "mac_latin2"),
    "Dvořák a synové\nPlzeňský Jiří": ("cp1250", "cp852", "mac_latin2"),
    "Győr Szőlő\nMűködő Kft": ("cp1250", "cp852"),
    "Ромашка\nООО СтройМонтаж": ("cp1251", "koi8_r", "cp866", "mac_cyrillic"),
    "Ελλάδα\nΑθήνα Εταιρεία": ("cp1253", "cp737"),
    "Güneş Ticaret\nYıldız Şirketi": ("cp1254", "cp857", "mac_turkish"),
    "Kazlų Rūda\nVėjas Ąžuolas": ("cp1257", "cp775"),
    "株式会社ソニー\n東京商店": ("cp932", "euc_jp"),
    "北京公司\n上海贸易有限公司": ("gb18030",),
    "서울상사\n한국무역": ("cp949",),
}
LEGACY = [(text, encoding) for text, encodings in TEXTS.items() for encoding in encodings]


def table(text: str, encoding: str) -> bytes:
    """Return a table with each line of a text as a note, in some encoding."""
    rows = (f"{number},Ash,xero,{note}" for number, note in enumerate(text.split("\n")))
    return "\n".join(("customer_id,company_name,platform,note", *rows, "")).encode(encoding)


def notes_in(outcome: Outcome) -> str:
    """Return the notes of a table again as one text."""
    return "\n".join(str(outcome.extras(at)["note"]) for at in range(len(outcome.ids)))


@pytest.mark.parametrize(("text", "encoding"), LEGACY)
def test_a_name_that_windows_1252_would_not_hold_stops_the_run(tmp_path: Path, text: str, encoding: str) -> None:
    """The message names an encoding that fits, with words as it reads them; with it, the names are right."""
    with pytest.raises(InputError, match="UTF-8") as caught:
        read_text(tmp_path, table(text, encoding))
    message = str(caught.value)
    content = table(text, encoding)
    same = [each for each in TEXTS[text] if f"--encoding {each} reads" in message and table(text, each) == content]
    assert same, message
    assert message.isprintable()
    outcome = read_text(tmp_path, content, reading=Reading(encoding=same[0]))
    assert notes_in(outcome) == text
    assert f"read as {Reading(encoding=same[0]).encoding}" in outcome.opened.notes


@pytest.mark.parametrize(
    "text",
    [
        "Société Générale\nL’Oréal – “Café”",
        "Müller & Söhne\nGroßhandel „Jäger“",
        "Muñoz\n¿Qué?",
        "Bjørn Sæther\nÅse",
        "Dell’arte Città\nL‘Oréal – Köln–Bonn",
        "São João Conceição\nCamões Irmãs",
        "Smith & Co®\nAcme™ (€)",
        "Ångström\nœuvre nº 5 m²",
        "SOCIéTé\nCitroën",
    ],
)
def test_western_names_are_plausible_in_windows_1252(tmp_path: Path, text: str) -> None:
    """They are read with a note."""
    outcome = read_text(tmp_path, table(text, "cp1252"))
    assert notes_in(outcome) == text
    assert "Windows-1252" in " ".join(outcome.opened.notes)


def test_one_odd_word_among_many_stops_the_run(tmp_path: Path) -> None:
    """It may be the only name whose letters show the encoding. The message shows it, wherever it is."""
    names = "\n".join([*["Café"] * 5, *(f"Né{'x' * (number % 300)}" for number in range(9_000)), "SociŽtŽ"])
    with pytest.raises(InputError, match=r'"SociŽtŽ".*--encoding cp1252 reads'):
        read_text(tmp_path, table(names, "cp1252"))


UNSAFE = {
    ("Müller", "mac_roman"): 'mac_roman reads "Müller"',
    ("Schröder\nHände", "mac_roman"): 'mac_roman reads "Schröder" and "Hände"',
    ("Schröder\nHände", "cp850"): 'cp850 reads "Schröder" and "Hände"',
    ("García", "mac_roman"): 'mac_roman reads "García"',
    ("Noël", "mac_roman"): 'mac_roman reads "Noël"',
    ("Österreich\nHåkon", "mac_roman"): 'mac_roman reads "Österreich" and "Håkon"',
    ("Dvořák\nNový\nŘehoř", "iso8859_2"): 'reads "Dvořák" and "Nový"',
    ("Kovačić\nĐurić", "cp1250"): 'cp1250 reads "Kovačić" and "Đurić"',
    ("Perić", "cp1250"): 'cp1250 reads "Perić"',
    ("Gdańsk", "cp1250"): 'cp1250 reads "Gdańsk"',
    ("Győr", "cp1250"): 'cp1250 reads "Győr"',
    ("Şahin\nYıldız", "cp1254"): 'cp1254 reads "Şahin" and "Yıldız"',
    ("Žalgiris\nKauną", "cp1257"): 'cp1257 reads "Žalgiris" and "Kauną"',
    ("Škoda", "cp1252"): 'cp1252 reads "Škoda"',
    ("Þórður", "cp1252"): 'cp1252 reads "Þórður"',
    ("בנק לאומי", "cp1255"): 'cp1255 reads "בנק" and "לאומי"',
    ("شركة", "cp1256"): 'cp1256 reads "شركة"',
    ("HAŸ", "cp1252"): 'cp1252 reads "HAŸ"',
}
FIRST = [("Ελλάδα\nΑθήνα", "cp1253"), ("שלום חברה", "cp1255")]


@pytest.mark.parametrize(
    ("text", "encoding", "proposal"),
    [
        *((*text, proposal) for text, proposal in UNSAFE.items()),
        *((*text, f"name its encoding: --encoding {text[1]}") for text in FIRST),
    ],
)
def test_a_guess_that_is_not_safe_stops_the_run(tmp_path: Path, text: str, encoding: str, proposal: str) -> None:
    """A wrong name costs more than an option. The message proposes the right encoding; for other scripts, first."""
    with pytest.raises(InputError, match="Windows-1252") as caught:
        read_text(tmp_path, table(text, encoding))
    assert proposal in str(caught.value)


REMEMBERED = {
    ("Société\nMüller Straße", "cp1252", "mac_roman"): "Windows-1252",
    ("Société\nMüller Straße", "mac_roman", "mac_roman"): "as before",
    ("Société\niPhone™Shop", "mac_roman", "mac_roman"): "as before",
    ("Société\nŠkoda", "cp1252", "cp1252"): "as before",
    ("Dvořák\nNový", "cp1250", "cp1250"): "as before",
    ("Hände\nMüller", "cp1252", "cp850"): "Windows-1252",
    ("Café", "cp1252", "cp932"): "Windows-1252",
    ("Café", "cp1252", "utf-16"): "Windows-1252",
}


@pytest.mark.parametrize(("text", "encoding", "remembered", "note"), [(*key, note) for key, note in REMEMBERED.items()])
def test_a_remembered_encoding_counts_if_the_text_fits(
    tmp_path: Path, text: str, encoding: str, remembered: str, note: str
) -> None:
    """Another export may come from another computer."""
    outcome = read_text(tmp_path, table(text, encoding), remembered=Reading(encoding=remembered))
    assert notes_in(outcome) == text
    assert note in " ".join(outcome.opened.notes)
    assert ("it does not fit --encoding" in " ".join(outcome.opened.notes)) == (note == "Windows-1252")


@pytest.mark.parametrize(
    ("text", "encoding", "remembered", "proposal"),
    [
        ("Müller\nSchröder", "mac_roman", "cp1252", 'mac_roman reads "Müller" and "Schröder"'),
        ("Dvořák\nNový", "cp1250", "mac_roman", 'cp1250 reads "Dvořák" and "Nový"'),
        ("Ромашка", "koi8_r", "cp1251", 'koi8_r reads "Ромашка"'),
        ("株式会社", "cp932", "cp1252", 'cp932 reads "株式会社"'),
        ("Hände", "cp1252", "cp850", 'cp1252 reads "Hände"'),  # `Hõnde` may be a name, too
    ],
)
def test_a_remembered_encoding_that_does_not_fit_stops_the_run(
    tmp_path: Path, text: str, encoding: str, remembered: str, proposal: str
) -> None:
    """The message names it, and those that fit. What the user says now is trusted."""
    reading = Reading(encoding=remembered)
    with pytest.raises(InputError, match=f"--encoding {reading.encoding}, which the batch remembers") as caught:
        read_text(tmp_path, table(text, encoding), remembered=reading)
    assert proposal in str(caught.value)
    assert len(read_text(tmp_path, table(text, encoding), reading=reading).ids) == len(text.split("\n"))


@pytest.mark.parametrize(
    ("word", "is_name"),
    {
        "Société": True,
        "SociŽtŽ": False,
        "Wroc³aw": False,
        "Nováèek": False,
        "MÜLLER": True,
        "m²": True,
        "ООО": True,
        "бhello": False,
        "E\u0301cole": True,
        "東京": True,
        "": True,
        "ZŸrich": False,
        "HAŸ": True,
    }.items(),
)
def test_a_word_is_plausible_in_one_language_or_in_none(word: str, is_name: bool) -> None:
    """Words are judged one by one."""
    assert is_plausible(word) is is_name
