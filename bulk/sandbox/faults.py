"""Which misfortune befalls which request: rules, read from JSON or a short text, that strike by count or by chance.

Where a fault strikes decides what is kept under an Idempotency-Key:
- in FRONT of Codat (a gateway, the wire on the way in): nothing is done, nothing kept;
- at the ORIGIN: Codat itself answers so, and keeps that answer under the key, unless it replays an older one;
- on the way BACK: the work is done and the true answer kept, but the client does not get to see it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum
from typing import Any

OPERATIONS = frozenset(
    {
        "create_company",
        "list_companies",
        "get_company",
        "update_company",
        "replace_company",
        "delete_company",
        "create_connection",
        "list_connections",
        "get_connection",
        "create_partner_expense_connection",
        "unlink_connection",
        "delete_connection",
        "update_authorization",
        "refresh_all_data",
        "list_integrations",
    }
)


LISTS = frozenset({"list_companies", "list_connections"})


class Place(Enum):
    """Where on a request's way a fault strikes."""

    FRONT = "before Codat sees it"
    ORIGIN = "Codat's own answer"
    BACK = "after the work is done"


KINDS = {
    "reset_before": Place.FRONT,  # the connection drops, nothing was done
    "stall": Place.FRONT,  # no answer, ever or for `seconds`; nothing is done unless the stall ends
    "slow": Place.FRONT,  # `seconds` of delay, then the work, whether the client still waits or not
    "gateway_before": Place.FRONT,  # 502 (`status`) with an HTML body
    "html_200_before": Place.FRONT,  # 200 with an HTML body
    "429": Place.FRONT,  # with Retry-After in the form `retry_after`
    "409": Place.FRONT,
    "401": Place.FRONT,
    "403": Place.FRONT,
    "402": Place.ORIGIN,
    "400": Place.ORIGIN,
    "404": Place.ORIGIN,
    "422": Place.ORIGIN,
    "lag": Place.ORIGIN,  # a list answers as of `seconds` ago: what was made, linked or deleted since is not seen
    "5xx_before": Place.ORIGIN,  # 500 (`status`), nothing was done
    "5xx_after": Place.ORIGIN,  # 500 (`status`), though the work was done
    "reset_after": Place.BACK,
    "stall_after": Place.BACK,
    "slow_after": Place.BACK,
    "gateway_after": Place.BACK,
    "empty": Place.BACK,  # the true status, or `status`, with an empty body
    "truncated": Place.BACK,  # 200 with the first half of its JSON
    "cut": Place.BACK,  # the connection drops in the middle of the body
    "html_200": Place.BACK,  # 200 with an HTML body
}
RETRY_AFTER_FORMS = frozenset({"seconds", "date", "none", "nonsense"})


class BadRule(ValueError):  # noqa: N818 - named for what is bad
    """A fault rule that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault: what happens, to which operations (none named: all), and when it strikes.

    It passes over the first `after` requests, then strikes the next `count` (all, if None), each with `probability`.
    """

    kind: str
    operations: tuple[str, ...] = ()
    count: int | None = None
    after: int = 0
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 0
    retry_after: str = "seconds"
    eof: bool = False  # end the connection politely instead of resetting it

    @property
    def place(self) -> Place:
        """Where it strikes."""
        return KINDS[self.kind]


def read_rules(content: object) -> list[Rule]:
    """Read a JSON list of rules, or a single one."""
    if isinstance(content, Mapping):
        return [_rule(content)]
    if not isinstance(content, Sequence) or isinstance(content, str):
        raise BadRule("rules are a JSON object or a list of them")
    return [_rule(each) for each in content]


def read_text(text: str) -> Rule:
    """Read a rule from a command line: JSON, or `KIND,operations=A+B,count=2`."""
    if text.lstrip().startswith("{"):
        try:
            return _rule(json.loads(text))
        except ValueError as error:
            raise BadRule(f"the fault {text!r} is no JSON") from error
    kind, *settings = text.split(",")
    content: dict[str, Any] = {"kind": kind.strip()}
    for setting in settings:
        name, _, value = setting.partition("=")
        content[name.strip()] = value.split("+") if name.strip() == "operations" else value.strip()
    return _rule(content)


def _rule(content: object) -> Rule:
    if not isinstance(content, Mapping):
        raise BadRule("a rule is a JSON object")
    unknown = set(content) - {field.name for field in fields(Rule)}
    if unknown:
        raise BadRule(f"a rule has no {', '.join(sorted(map(str, unknown)))}")
    operations = content.get("operations") or ()
    try:
        rule = Rule(
            kind=str(content.get("kind")),
            operations=(operations,) if isinstance(operations, str) else tuple(map(str, operations)),
            count=None if content.get("count") is None else int(content["count"]),
            after=int(content.get("after", 0)),
            probability=float(content.get("probability", 1.0)),
            seconds=float(content.get("seconds", 0.0)),
            status=int(content.get("status", 0)),
            retry_after=str(content.get("retry_after", "seconds")),
            eof=str(content.get("eof", False)).lower() in {"true", "1"},
        )
    except (TypeError, ValueError) as error:
        raise BadRule(f"a value of the rule has the wrong type: {error}") from error
    return _checked(rule)


def _checked(rule: Rule) -> Rule:
    if rule.kind not in KINDS:
        raise BadRule(f"there is no fault {rule.kind!r}; there are {', '.join(KINDS)}")
    unknown = set(rule.operations) - OPERATIONS
    if unknown:
        raise BadRule(f"there is no operation {', '.join(sorted(unknown))}; there are {', '.join(sorted(OPERATIONS))}")
    if rule.kind == "lag":
        return _only_lists(rule)
    if rule.retry_after not in RETRY_AFTER_FORMS:
        raise BadRule(f"retry_after is one of {', '.join(sorted(RETRY_AFTER_FORMS))}")
    return rule


def _only_lists(rule: Rule) -> Rule:
    """Let a lag strike lists only: nothing else could show one."""
    if not set(rule.operations) <= LISTS:
        raise BadRule(f"a lag strikes {' and '.join(sorted(LISTS))} only")
    if not rule.seconds > 0:
        raise BadRule("a lag needs `seconds`")
    return replace(rule, operations=rule.operations or tuple(sorted(LISTS)))


class Faults:
    """The rules in force, and how often each has seen a request and struck. The first that strikes wins."""

    def __init__(self, rules: Sequence[Rule] = (), *, seed: int = 0) -> None:
        self._seed = seed
        self._active: list[_Active] = []
        self.add(rules)

    def add(self, rules: Sequence[Rule]) -> None:
        """Put rules in force, after those there are."""
        for rule in rules:
            chance = random.Random(f"{self._seed}:{len(self._active)}")  # noqa: S311 - repeatable faults, no secret
            self._active.append(_Active(rule, chance))

    def clear(self) -> None:
        """Lift all rules."""
        self._active.clear()

    def pick(self, operation: str, *, is_replay: bool) -> Rule | None:
        """Give the fault that strikes this request, if one does; Codat's own answers are not changed in a replay."""
        for active in self._active:
            rule = active.rule
            if rule.operations and operation not in rule.operations:
                continue
            if is_replay and rule.place is Place.ORIGIN:
                continue
            if active.strikes():
                return rule
        return None

    def report(self) -> list[dict[str, Any]]:
        """List the rules with their counts."""
        return [asdict(active.rule) | {"seen": active.seen, "struck": active.struck} for active in self._active]


class _Active:
    def __init__(self, rule: Rule, chance: random.Random) -> None:
        self.rule = rule
        self.seen = 0
        self.struck = 0
        self._chance = chance

    def strikes(self) -> bool:
        self.seen += 1
        if self.seen <= self.rule.after or (self.rule.count is not None and self.struck >= self.rule.count):
            return False
        if self.rule.probability < 1.0 and self._chance.random() >= self.rule.probability:
            return False
        self.struck += 1
        return True
