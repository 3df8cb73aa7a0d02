"""The commands of bulk that a scenario runs, and the engine's object for each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from bulk.engine.commands.follow_up import FollowUp
from bulk.engine.commands.links import Links
from bulk.engine.commands.listen import ApplyEvents
from bulk.engine.commands.migrate import Migrate
from bulk.engine.commands.undo import Undo
from bulk.engine.commands.unlink import Unlink
from bulk.engine.commands.verify import Verify
from bulk.engine.options import Options
from bulk.engine.run import Command as EngineCommand
from bulk.input import Input

HOUR = 3600.0


class Command(StrEnum):
    """A command with its options."""

    MIGRATE = "migrate"
    CORRECTED = "migrate corrected.csv"
    LIMITED = "migrate --limit 2"
    RETRY = "migrate --retry-failed"
    AGAIN = "migrate --again"
    FOLLOW_UP = "follow-up"
    RETRY_PARTNERS = "follow-up --retry-failed"
    LINKS = "links"
    UNLINK = "unlink"
    UNDO = "undo --yes"
    VERIFY = "verify"
    ADOPT = "verify --adopt"
    LISTEN = "listen"

    @property
    def command_name(self) -> str:
        """The command without its options."""
        return self.value.split()[0]


OFTEN = (
    *(Command.MIGRATE,) * 4,
    *(Command.CORRECTED, Command.LIMITED),
    *(Command.FOLLOW_UP,) * 4,
    *(Command.RETRY, Command.AGAIN, Command.RETRY_PARTNERS, Command.LINKS, Command.LISTEN, Command.LISTEN),
    *(Command.UNLINK, Command.UNDO, Command.VERIFY, Command.ADOPT),
)


def engine_command(
    command: Command, opened: Input | None, options: Options, *, named: Sequence[str], at: str
) -> EngineCommand:
    """Create the engine's command. `opened`: the input of a migrate; `named`: customers to unlink; `at`: the time."""
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
    return Migrate(opened, options)
