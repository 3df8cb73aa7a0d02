"""The faults of a sandbox: rules that apply by count or by chance, read from JSON or a short text.

The stage of a fault decides what is kept under an Idempotency-Key:
- in FRONT of Codat (a gateway, the network on the way in): nothing is done, nothing kept;
- at the ORIGIN: the fault is Codat's own response, kept under the key, and never replaces a replay;
- on the way BACK: the work is done and the true response kept, but the client does not see it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

OPERATIONS = (
    "create_company",
    "list_companies",
    "get_company",
    "delete_company",
    "create_connection",
    "list_connections",
    "get_connection",
    "create_partner_expense_connection",
    "unlink_connection",
    "list_integrations",
    "get_profile",
    "get_sync_settings",
)
LISTS = ("list_companies", "list_connections")


class Stage(Enum):
    """The stage of a request at which a fault happens."""

    FRONT = "before Codat sees the request"
    ORIGIN = "Codat's own response"
    BACK = "after the work is done"


KINDS = {
    "reset_before": Stage.FRONT,  # the connection drops, nothing was done
    "stall": Stage.FRONT,  # no response, ever or for `seconds`; nothing is done unless the stall ends
    "slow": Stage.FRONT,  # `seconds` of delay, then the work, even if the client no longer waits
    "gateway_before": Stage.FRONT,  # 502 (`status`) with an HTML body
    "html_200_before": Stage.FRONT,  # 200 with an HTML body
    "blocked": Stage.FRONT,  # 403 (`status`) with the HTML page of a firewall; a 3xx leads to another host
    "429": Stage.FRONT,  # with Retry-After in the form `retry_after`
    "409": Stage.FRONT,
    "409_kept": Stage.ORIGIN,  # kept under the key, so it is replayed
    "401": Stage.FRONT,
    "403": Stage.FRONT,
    "402": Stage.ORIGIN,
    "400": Stage.ORIGIN,
    "404": Stage.ORIGIN,
    "422": Stage.ORIGIN,
    "lag": Stage.ORIGIN,  # a list shows the state as it was `seconds` ago
    "5xx_before": Stage.ORIGIN,  # 500 (`status`), nothing was done
    "5xx_after": Stage.ORIGIN,  # 500 (`status`), though the work was done
    "reset_after": Stage.BACK,
    "stall_after": Stage.BACK,
    "slow_after": Stage.BACK,
    "gateway_after": Stage.BACK,
    "empty": Stage.BACK,  # the true status, or `status`, with an empty body
    "truncated": Stage.BACK,  # 200 with the first half of its JSON
    "cut": Stage.BACK,  # the connection drops in the middle of the body
    "html_200": Stage.BACK,  # 200 with an HTML body
}
RETRY_AFTER_FORMS = ("seconds", "date", "none", "nonsense")


class BadRule(ValueError):  # noqa: N818 - named for the bad object
    """A fault rule that cannot be read. The message contains the reason."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault: its kind, the operations that it applies to (all if empty), and the requests that it affects.

    It skips the first `after` requests, then applies to the next `count` (all, if None), each with `probability`.
    """

    kind: str
    operations: tuple[str, ...] = ()
    count: int | None = None
    after: int = 0
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 0
    retry_after: str = "seconds"
    eof: bool = False  # close the connection normally instead of resetting it
    containing: str = ""  # only requests with this text in their address or body

    @property
    def stage(self) -> Stage:
        """The stage at which it happens."""
        return KINDS[self.kind]


def read_text(text: str) -> Rule:
    """Read a rule from a command-line argument: JSON, or `KIND,operations=A+B,count=2`. Raises BadRule."""
    if text.lstrip().startswith("{"):
        try:
            return read_rule(json.loads(text))
        except json.JSONDecodeError as error:
            raise BadRule(f"the fault {text!r} is not valid JSON") from error
    kind, *settings = text.split(",")
    content: dict[str, Any] = {"kind": kind.strip()}
    for setting in settings:
        name, _, value = setting.partition("=")
        content[name.strip()] = value.split("+") if name.strip() == "operations" else value.strip()
    return read_rule(content)


def read_rule(content: object) -> Rule:
    """Read a rule from JSON. Raises BadRule."""
    if not isinstance(content, Mapping):
        raise BadRule("a rule is a JSON object")
    unknown = set(content) - set(_READ)
    if unknown:
        raise BadRule(f"a rule has no {', '.join(sorted(map(str, unknown)))}")
    if content.get("kind") is None:
        raise BadRule(f"a rule needs a kind: {', '.join(KINDS)}")
    values = {name: _value(name, value) for name, value in content.items() if value is not None}
    return _checked(Rule(**values))


def _value(name: str, value: object) -> Any:
    try:
        return _READ[name](value)
    except (TypeError, ValueError) as error:
        raise BadRule(f"{name} cannot be {value!r}") from error


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _flag(value: object) -> bool:
    return str(value).lower() in {"true", "1"}


_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("kind", "retry_after", "containing"), str),
    **dict.fromkeys(("count", "after", "status"), int),
    **dict.fromkeys(("probability", "seconds"), float),
    "operations": _names,
    "eof": _flag,
}
FIELDS = tuple(name for name in Rule.__dataclass_fields__ if name != "kind")
"""The settings of a rule."""


def _checked(rule: Rule) -> Rule:
    if rule.kind not in KINDS:
        raise BadRule(f"unknown fault {rule.kind!r}; known: {', '.join(KINDS)}")
    unknown = set(rule.operations) - set(OPERATIONS)
    if unknown:
        raise BadRule(f"unknown operation {', '.join(sorted(unknown))}; known: {', '.join(OPERATIONS)}")
    if not 0 <= rule.probability <= 1:
        raise BadRule(f"the probability must be from 0 to 1, not {rule.probability:g}")
    if rule.retry_after not in RETRY_AFTER_FORMS:
        raise BadRule(f"retry_after must be one of {', '.join(RETRY_AFTER_FORMS)}")
    if rule.kind != "lag":
        return rule
    if not set(rule.operations) <= set(LISTS) or not rule.seconds > 0:
        raise BadRule(f"a lag needs `seconds`, and applies to {' and '.join(LISTS)} only")
    return replace(rule, operations=rule.operations or LISTS)


class Faults:
    """The active rules. If several apply to a request, the first one is used."""

    def __init__(self, rules: Sequence[Rule] = (), *, seed: int = 0) -> None:
        self._seed = seed
        self.active: list[ActiveRule] = []
        self.add(rules)

    def add(self, rules: Sequence[Rule]) -> None:
        """Add rules after the present ones."""
        for rule in rules:
            rng = random.Random(f"{self._seed}:{len(self.active)}")  # noqa: S311 - repeatable faults, no secret
            self.active.append(ActiveRule(rule, rng))

    def pick(self, operation: str, content: str = "", *, is_replay: bool) -> Rule | None:
        """Return the fault that applies to this request, if any. A fault at the origin never applies to a replay.

        `content` has the request's path and body.
        """
        for active in self.active:
            rule = active.rule
            if (rule.operations and operation not in rule.operations) or rule.containing not in content:
                continue
            if is_replay and rule.stage is Stage.ORIGIN:
                continue
            if active.applies():
                return rule
        return None


class ActiveRule:
    """An active rule, with the numbers of requests that it has seen and faults that it has caused."""

    def __init__(self, rule: Rule, rng: random.Random) -> None:
        self.rule = rule
        self.seen = 0
        self.struck = 0
        self._rng = rng

    def applies(self) -> bool:
        """Count a request; return whether the rule applies to it."""
        self.seen += 1
        if self.seen <= self.rule.after or (self.rule.count is not None and self.struck >= self.rule.count):
            return False
        if self.rule.probability < 1.0 and self._rng.random() >= self.rule.probability:
            return False
        self.struck += 1
        return True
