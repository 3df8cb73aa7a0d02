"""The options of a sandbox. The command line is built from this class and parsed into it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

# Obviously fake, so that nobody mistakes them for secrets of Codat.
API_KEY = "sandbox-key"
WEBHOOK_SECRET = "whsec_YnVsay1zYW5kYm94LWZha2Utd2ViaG9vay1zZWNyZXQ="  # noqa: S105 - "bulk-sandbox-fake-webhook-secret"


def _option(
    default: Any, caption: str, choices: tuple[str, ...] = (), least: float = 0, metavar: str | None = None
) -> Any:
    """Return a field. `metavar` names its value in the help; the default is N for a count, SECONDS for a time."""
    metadata = {"help": caption, "choices": choices, "least": least, "metavar": metavar}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Options:
    """Limits, rules and faults of a sandbox. Each field is an option of `bulk sandbox`, with `-` for `_`."""

    rate: int = _option(1000, "Requests in any 60 seconds; 0 for no limit.")
    daily_limit: int = _option(1000, "Requests a day, times (1 + linked companies); 0 for no limit.")
    day_seconds: float = _option(86400.0, "Length of a day; the first day begins at 1970-01-01 00:00 UTC.", least=0.01)
    max_concurrent: int = _option(0, "Concurrent requests; 0 for no limit.")
    max_companies: int = _option(0, "Companies, as on a free trial (50 there); 0 for no limit.")
    max_page_size: int = _option(2000, "Results on a page; a larger page is cut to this.", least=1)
    link_lifetime: float = _option(86400.0, "Seconds until an unused linkUrl expires.")
    ignore_idempotency: bool = _option(default=False, caption="Ignore the Idempotency-Key.")
    second_connection: str = _option("refuse", "A second accounting connection of a company.", ("refuse", "allow"))
    second_partner: str = _option("allow", "A second partner expense connection.", ("refuse", "allow"))
    latency: float = _option(0.0, "Seconds by which every response is delayed.")
    webhook_url: str = _option(
        "", "Where signed connection.* events are sent, on this machine: http://127.0.0.1:PORT/PATH.", metavar="URL"
    )
    webhook_secret: str = _option(
        WEBHOOK_SECRET, "Signs the events as standard-webhooks does; never use a real one.", metavar="SECRET"
    )
    webhook_concurrent: int = _option(
        1, "Events sent concurrently; with 1 they arrive in order, unless one fails.", least=1
    )
    partner_events: bool = _option(
        default=False, caption="Send connection.connected for a new partner expense connection, too."
    )
    seed: int = _option(0, "Seed of the faults that happen by chance.")
    disabled_platform: tuple[str, ...] = _option(
        (), "A platformKey that is not enabled for this client; repeatable.", metavar="KEY"
    )
    fault: tuple[str, ...] = _option(
        (), "A fault, as JSON or as KIND,NAME=VALUE,... (see below); repeatable.", metavar="FAULT"
    )

    def arguments(self) -> list[str]:
        """Return the command-line arguments for these options; defaults are left out."""
        given = [(f"--{each.name.replace('_', '-')}", getattr(self, each.name), each.default) for each in fields(self)]
        return [part for name, value, default in given if value != default for part in _argument(name, value)]


def _argument(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [name] if value else []
    if isinstance(value, tuple):
        return [part for each in value for part in (name, str(each))]
    return [name, str(value)]
