"""The documents are as short as they should be, and their links lead to files and headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acceptance.documents.commands import DOCUMENTS, ROOT, read

MAX_BYTES = {"README.md": 10_000, "CONTRIBUTING.md": 3_500, "docs/architecture.md": 10_300}


@pytest.mark.parametrize("document", MAX_BYTES)
def test_the_document_is_short(document: str) -> None:
    """The README is an entrance, and the guide for contributors fits on a page."""
    assert len(read(document).encode()) <= MAX_BYTES[document]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_link_leads_to_a_file_and_a_heading(document: str) -> None:
    """Links to other sites are not followed."""
    page, text = ROOT / document, read(document)
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
        file = page.parent / target if target else page
        assert file.exists(), f"{document} links to {target}"
        assert not anchor or anchor in anchors(file), f"{document} links to {target}#{anchor}"


def test_each_document_is_in_the_table_of_the_readme() -> None:
    """The README leads to every document."""
    linked = set(re.findall(r"\]\(([^)#:]+)\)", read("README.md")))
    assert set(DOCUMENTS) - {"README.md"} <= linked


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
