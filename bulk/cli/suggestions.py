"""Suggests the command or option that the user has probably meant."""

from __future__ import annotations

from collections.abc import Iterable

import click

from bulk.text import closest, series


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return a question with the most similar words, after a space, or "" if no word is similar."""
    similar = closest(word, words, normalized=lambda each: each.casefold().replace("-", ""))
    return f" Did you mean {series(list(map(repr, similar)), 'or')}?" if similar else ""


def with_suggestion(error: click.ClickException) -> click.ClickException:
    """Return click's error for an unknown option or command with our own suggestion, and any other unchanged."""
    word = getattr(error, "option_name", None) or getattr(error, "command_name", None)
    if not isinstance(error, click.UsageError) or word is None or not hasattr(error, "possibilities"):
        return error
    return click.UsageError(error.message + did_you_mean(word, error.possibilities or ()), error.ctx)
