r"""Text that other programs have damaged is found and restored; names that only look like it stay as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bulk.input import open_input
from bulk.input.damaged_text import restore

DAMAGED = [
    ("CafÃ© Tre", "Café Tre"),  # UTF-8 read as Windows-1252
    ("Oâ€™Brien", "O’Brien"),
    ("Ã–sterreich", "Österreich"),
    ("KÃ–LN", "KÖLN"),
    ("CÅ“ur SARL", "Cœur SARL"),
    ("SACRÃ‰-CÅ’UR", "SACRÉ-CŒUR"),
    ("GyÅ‘r", "Győr"),
    ("VoilÃ Bistro", "Voilà Bistro"),
    ("Acme LtdÂ®", "Acme Ltd®"),
    ("Acmeâ„¢ Ltd", "Acme™ Ltd"),
    ("Nguyá»…n", "Nguyễn"),
    ("Café ðŸ˜€", "Café 😀"),
    ("ÐšÐ¾Ð¼Ð¿Ð°Ð½", "Компан"),
    ("CafÃƒÂ©", "Café"),  # twice
    ("Caf√©", "Café"),  # UTF-8 read as Mac Roman
    ("O‚ÄôBrien", "O’Brien"),
    ("Caf├®", "Café"),  # UTF-8 read as the encodings of DOS
    ("OΓÇÖBrien", "O’Brien"),
    ("CafĂ©", "Café"),  # UTF-8 read as Windows-1250
    ("MĂĽller", "Müller"),
    ("SociŽtŽ GŽnŽrale", "Société Générale"),  # Mac Roman read as Windows-1252
    ("CafŽ No‘l SARL", "Café Noël SARL"),
    ("MŸller", "Müller"),  # its only such letter, after a capital
    ("ZŸrich AG", "Zürich AG"),
    ("Ÿbung", "übung"),
    ("JŠger", "Jäger"),
    ("LŽger", "Léger"),
    ("Fran‡ois", "François"),  # DOS read as Windows-1252
    ("Êîìïàíèÿ Ltd", "Компания Ltd"),  # Windows-1251 read as Windows-1252
    ("Smith &amp; Sons", "Smith & Sons"),
    ("M&amp;amp;M", "M&M"),
    ("O&#39;Brien", "O'Brien"),
    ("O&#x27;Brien", "O'Brien"),
    ("Caf&eacute; Uno", "Café Uno"),
    ("Ash&nbsp;Ltd", "Ash Ltd"),
    ("<b>Six</b> Ltd", "Six Ltd"),
    ("Ash<br/>Ltd", "Ash Ltd"),
    ("Seven%20Ltd", "Seven Ltd"),
    ("Studio54%20Ltd", "Studio54 Ltd"),
    ("Smith%26Sons", "Smith&Sons"),
    ("Caf%C3%A9 Uno", "Café Uno"),
    ("Caf%E9 Uno", "Café Uno"),
    (r"Caf\u00e9 Due", "Café Due"),
    (r"b'Caf\xc3\xa9'", "b'Café'"),
    (r"Caf\303\251", "Café"),
    (r"Ash\nLtd", "Ash Ltd"),
    ("Ash_x000D_ Ltd", "Ash Ltd"),
    ("=?UTF-8?Q?Caf=C3=A9?=", "Café"),
    ("Caf=C3=A9", "Café"),
    ("Caf\ufffd Five", None),
    ("Cafï¿½ Five", None),
    ("M?ller", "M?ller"),  # nobody knows the letter
    ("Biuro ?ubr Ltd", "Biuro ?ubr Ltd"),
    ("?ód? Ltd", "?ód? Ltd"),
    ("???? Ltd", "???? Ltd"),
]

RIGHT = (
    *("AT&T", "Smith & Sons", "R&D;", "Marks &Spencer; Co", "50% Off Ltd", "100%Cacao", "100%Fabric", "100%20", "5%40"),
    *(
        "100% 20 Ltd",
        "Who? What?",
        "Who?What",
        "WHO?WHAT?",
        "?What If",
        "Really???",
        "Huh ??? Ltd",
        "Quoi ? Rien",
        "?what Ltd",
        "Eight\\, Ltd",
    ),
    *("SÃO PAULO", "São Paulo", "MANHÃ", "IRMÃ Ltda", "CAFÉ®", "MÜNCHEN™", "TVÅ–FYRA", "TVÅ’s", "TVÅ®", "„BÄ“ GmbH"),
    *("ORĂŞTIE", "ŢIGĂ", "“Chez ‘René’”", "L’ÉTOILE", "Ærø Ltd", "ŠKODA", "Žilina", "IŽ", "Œuvre", "DŸ", "Ÿ Ltd"),
    *("Škoda", "AŠ Praha", "SŽ-Infra", "L'HAŸ-LES-ROSES", "Croÿ", "McÉwan", "IŽs", "CŒur", "ZŠ Nová"),
    *(
        "Straße",
        "Ångström",
        "ÀÉÈ",
        "Łódź",
        "Ελληνική",
        "Компания",
        "株式会社",
        "Nguyễn",
        "A<B>C",
        "a < b > c",
        "<3 Ltd",
    ),
    *("C:\\users", "O\\Brien", "a=b", "x_y_z", "_x_", "Ltd; Co", "¿Qué?", "Niño & Söhne", "naïve", "É", "½ Price", "Æ"),
)


def problems(folder: Path, name: str, customer_id: str = "1") -> list[tuple[str, str]]:
    """Return code and found of the damage in a row."""
    path = folder / "in.csv"
    cells = (f'"{cell}"' for cell in (customer_id, name, "Xero"))
    path.write_text(f"customer_id,company_name,platform\n{','.join(cells)}\n", encoding="utf-8")
    (rows,) = open_input(path).read(only_fields=True)
    texts = rows.accepted["damage"].drop_nulls()
    return [(each["code"], each["found"]) for text in texts for each in json.loads(text)]


@pytest.mark.parametrize(("damaged", "right"), DAMAGED)
def test_a_damaged_name_is_found(tmp_path: Path, damaged: str, right: str | None) -> None:
    """Its conflict shows what it should probably be."""
    assert restore(damaged) == right
    found = right if right != damaged else None
    assert problems(tmp_path, damaged) == [("company_name_damaged", found or "")]


@pytest.mark.parametrize("name", RIGHT)
def test_names_that_people_have_are_not_damaged(tmp_path: Path, name: str) -> None:
    """A row that is held for no reason costs a person's time."""
    assert restore(name) == name
    assert problems(tmp_path, name) == []


@pytest.mark.parametrize("name", ["Eight\\, Ltd", "Ash&#8203; Ltd", "Ash&shy;es"])
def test_damage_that_codat_does_not_store_is_none(tmp_path: Path, name: str) -> None:
    """It removes the sign anyway."""
    assert problems(tmp_path, name.replace("&#8203;", "\\").replace("&shy;", "\\,")) == []


@pytest.mark.parametrize(
    ("customer_id", "found"),
    [
        ("CafÃ©-1", [("customer_id_damaged", "Café-1")]),
        ("A&amp;B", [("customer_id_damaged", "A&B")]),
        (r"\u00e91", [("customer_id_damaged", "é1")]),
        ("1\ufffd2", [("customer_id_damaged", "")]),
        ("A%20B", []),  # systems have such identifiers
        ("a?b", []),
        ("id=1;x", []),
        ("Café", []),
    ],
)
def test_a_damaged_identifier_is_found(tmp_path: Path, customer_id: str, found: list[tuple[str, str]]) -> None:
    """Codat would store it in a tag."""
    assert problems(tmp_path, "Ash", customer_id) == found


def test_a_damaged_name_comes_before_a_damaged_identifier(tmp_path: Path) -> None:
    """A row has one conflict."""
    assert problems(tmp_path, "CafÃ©", "CafÃ©") == [("company_name_damaged", "Café")]


def test_the_name_that_codat_would_store_is_known(tmp_path: Path) -> None:
    """An earlier row may have it."""
    path = tmp_path / "in.csv"
    path.write_text("customer_id,company_name,platform\n1,CafÃ©,Xero\n2,Ash,Xero\n3,Caf\ufffd,Xero\n", encoding="utf-8")
    (rows,) = open_input(path).read()
    assert rows.accepted["restored_name"].to_list() == ["Cafe", None, None]
