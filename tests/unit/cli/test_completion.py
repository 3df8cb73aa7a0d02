"""What a shell gets for a line that ends with the word to complete."""

from __future__ import annotations

import pytest
from click.shell_completion import BashComplete, CompletionItem

from bulk.cli.group import bulk


def completions(line: str) -> list[CompletionItem[str]]:
    """Return the completions of the last word of a line."""
    words = line.split(" ")
    return BashComplete(bulk, {}, "bulk", "_BULK_COMPLETE").get_completions(words[1:-1], words[-1])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bulk fol", ["follow-up"]),
        ("bulk completion ", ["bash", "zsh", "fish"]),
        ("bulk migrate x.csv --re", ["--reports", "--retry-failed", "--reserve"]),
        ("bulk migrate x.csv --map nonsense --max", ["--max-failures", "--max-rejected"]),  # an invalid value before it
        ("bulk nonsense --ver", ["--version"]),  # an unknown command gives no message
        ("bulk sandbox a", ["authorize"]),
        ("bulk sandbox --second-connection ", ["refuse", "allow"]),
    ],
)
def test_commands_options_and_their_values_are_completed(line: str, expected: list[str]) -> None:
    """Each is completed where it can be typed."""
    assert [item.value for item in completions(line)] == expected


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("bulk check ", "file"),
        ("bulk unlink --file ", "file"),
        ("bulk unlink ", "dir"),
        ("bulk migrate --reports ", "dir"),
        ("bulk sandbox --batch ", "dir"),
        ("bulk sandbox authorize ", "dir"),
    ],
)
def test_the_shell_completes_files_and_folders(line: str, kind: str) -> None:
    """INPUT and FILE are files; BATCH and FOLDER are folders."""
    assert [item.type for item in completions(line)] == [kind]


def test_the_purpose_of_a_completion_is_known() -> None:
    """zsh and fish show it."""
    assert [item.help for item in completions("bulk rep")] == ["Write the reports of a batch again."]
