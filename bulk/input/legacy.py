"""Chooses the encoding of a text that is not UTF-8: a guess only if it is safe, otherwise a message with proposals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from bulk.errors import InputError
from bulk.input.alphabets import is_plausible, words
from bulk.input.proposals import foreign_lines, foreign_parts, is_probable, propose, quoted, read_words
from bulk.input.text_file import TextFile
from bulk.input.western import is_western, unquoted

_GUESS: Final = "cp1252"
_WESTERN: Final = (_GUESS, "mac-roman", "cp850", "cp858", "cp437", "iso8859-1", "iso8859-15")
"""Encodings in which only Western European words are right."""
_ASCII: Final = "".join(map(chr, range(32, 127)))
_MAX_JUDGED: Final = 1 << 17
_MAX_ODD_LINES: Final = 100


def choose(file: TextFile, remembered: str | None) -> str:
    """Return the encoding of a text that is not UTF-8. Raises InputError if no choice is safe.

    Windows-1252 is guessed only if all words fit. What the batch remembers counts if most words fit, and no other
    encoding is as probable.
    """
    if remembered is None:
        return _guess(file)
    if _ASCII.encode(remembered, "replace") != _ASCII.encode():  # UTF-16 or EBCDIC: the lines are others
        return _GUESS if _odd_lines(file, _GUESS, is_western) == [] else remembered
    odd = _odd_lines(file, remembered, is_western if remembered in _WESTERN else is_plausible)
    if odd == []:
        return remembered
    lines = [*(odd or ()), *foreign_lines(file)]
    is_guess = remembered != _GUESS and _odd_lines(file, _GUESS, is_western) == []
    if odd is not None and (is_probable(lines, remembered) or not propose(lines)):
        if not is_guess:
            return remembered
    elif is_guess:
        return _GUESS
    raise InputError(
        f"{file.path} may not fit --encoding {remembered}, which the batch remembers"
        f"{_odd_words(lines, remembered, is_plausible)}; {_remedy(lines)}"
    )


def _guess(file: TextFile) -> str:
    odd = _odd_lines(file, _GUESS, is_western)
    if odd == []:
        return _GUESS
    lines = [*(odd or ()), *foreign_lines(file)]
    if odd is None:
        problem = "is neither UTF-8 nor Windows-1252 text"
    else:
        problem = f"is not UTF-8, and may not be Windows-1252{_odd_words(lines, _GUESS, is_western)}"
    raise InputError(f"{file.path} {problem}; {_remedy(lines)}")


def _remedy(lines: Sequence[bytes]) -> str:
    proposals = propose(lines)
    if not proposals:
        return "name its encoding with --encoding, or save it as CSV in UTF-8"
    return f"name its encoding: {proposals}"


def _odd_words(lines: Sequence[bytes], encoding: str, is_right: Callable[[str], bool]) -> str:
    """Return a clause with words that show that an encoding is wrong, or nothing if there are none."""
    odd = [word for word in read_words(lines, encoding) or () if not is_right(word)]
    return f", in which it has words such as {quoted(odd)}" if odd else ""


def _odd_lines(file: TextFile, encoding: str, is_right: Callable[[str], bool]) -> list[bytes] | None:
    """Return some lines with words that are not right in this encoding, or None if it lacks some bytes.

    Each word is judged once, and the first part of the file that has odd words ends the search.
    """
    judged: set[str] = set()
    for lines in foreign_parts(file):
        try:
            text = b"".join(lines).decode(encoding)
        except UnicodeDecodeError:
            return None
        found = set(words(unquoted(text))) - judged
        odd = {word for word in found if not is_right(word)}
        if odd:
            read = ((line, words(unquoted(line.decode(encoding)))) for line in lines)
            return [line for line, of_line in read if not odd.isdisjoint(of_line)][:_MAX_ODD_LINES]
        judged = found if len(judged) > _MAX_JUDGED else judged | found
    return []
