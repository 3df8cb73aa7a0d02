"""What is run in a story: the commands of bulk, and the engine's job of each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from bulk.engine.commands.after import FollowUp, Links, Undo, Unlink

from bulk.engine.commands.listen import ApplyEvents
from bulk.engine.commands.migrate import Migration
from bulk.engine.commands.verify import Verify
from bulk.engine.events import Hook
from bulk.engine.run import Job, Options
from bulk.input import Input

HOUR = 3600.0


class Command(StrEnum):
    """What is run."""

    MIGRATE = "migrate"
    MENDED = "migrate mended.csv"
    LIMITED = "migrate --limit 2"
    RETRY = "migrate --retry-failed"
    FOLLOW_UP = "follow-up"
    RETRY_PARTNERS = "follow-up --retry-failed"
    LINKS = "links"
    UNLINK = "unlink"
    UNDO = "undo --yes"
    VERIFY = "verify"
    ADOPT = "verify --adopt"
    LISTEN = "listen"

    @property
    def name_of_job(self) -> str:
        """The command without its options."""
        return self.value.split()[0]


OFTEN = (
    *(Command.MIGRATE,) * 4,
    *(Command.MENDED, Command.LIMITED),
    *(Command.FOLLOW_UP,) * 4,
    *(Command.RETRY, Command.RETRY_PARTNERS, Command.LINKS, Command.LISTEN, Command.LISTEN),
    *(Command.UNLINK, Command.UNDO, Command.VERIFY, Command.ADOPT),
)


def job_of(
    command: Command, opened: Input | None, options: Options, hook: Hook, *, named: Sequence[str], at: str
) -> Job:
    """Make a command's job. `opened`: the input of a migrate; `named`: whom an unlink names; `at`: the time by now."""
    match command:
        case Command.FOLLOW_UP | Command.RETRY_PARTNERS:
            return FollowUp(retry_failed=command is Command.RETRY_PARTNERS)
        case Command.LINKS:
            return Links(margin=HOUR)
        case Command.UNLINK:
            return Unlink(named)
        case Command.UNDO:
            return Undo(deletes=True)
        case Command.VERIFY | Command.ADOPT:
            return Verify(adopts=command is Command.ADOPT)
        case Command.LISTEN:
            return ApplyEvents(at)
    assert opened is not None
    return Migration(opened, options, hook)
