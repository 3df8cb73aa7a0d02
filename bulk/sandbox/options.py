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

    rate: int = _option(1000, "Maximum number of requests in 60 seconds; 0 for no limit.")
    daily_limit: int = _option(
        1000, "Maximum number of requests per day, times (1 + linked companies); 0 for no limit."
    )
    day_seconds: float = _option(86400.0, "Length of a day; the first day begins at 1970-01-01 00:00 UTC.", least=0.01)
    max_concurrent: int = _option(0, "Maximum number of concurrent requests; 0 for no limit.")
    max_companies: int = _option(0, "Maximum number of companies (50 on a free trial); 0 for no limit.")
    max_page_size: int = _option(2000, "Maximum number of results per page.", least=1)
    link_lifetime: float = _option(86400.0, "Time until an unused linkUrl expires.")
    no_passwords: bool = _option(default=False, caption="Make linkUrls without one-time passwords; they never expire.")
    ignore_idempotency: bool = _option(default=False, caption="Ignore the Idempotency-Key.")
    second_connection: str = _option(
        "refuse", "Refuse or allow a second accounting connection of a company.", ("refuse", "allow")
    )
    second_partner: str = _option("allow", "Refuse or allow a second partner expense connection.", ("refuse", "allow"))
    latency: float = _option(0.0, "Delay of every response.")
    webhook_url: str = _option(
        "",
        "Send signed events connection.* to this address on this machine, such as http://127.0.0.1:PORT/PATH.",
        metavar="URL",
    )
    webhook_secret: str = _option(
        WEBHOOK_SECRET, "Secret that signs the events. Never use a real one.", metavar="SECRET"
    )
    webhook_concurrent: int = _option(
        1, "Maximum number of events sent at the same time. With 1, they arrive in order unless one fails.", least=1
    )
    partner_events: bool = _option(
        default=False, caption="Also send connection.connected for a new partner expense connection."
    )
    seed: int = _option(0, "Seed of the random faults.")
    disabled_platform: tuple[str, ...] = _option(
        (), "Disable the platform with this platformKey. Repeatable.", metavar="KEY"
    )
    no_default_products: bool = _option(
        default=False, caption="Refuse companies without products, as for a client without default products."
    )
    redirect_url: str = _option(
        "", "Address to which Codat redirects customers, as shown in the profile.", metavar="URL"
    )
    fault: tuple[str, ...] = _option(
        (), "Inject a fault: JSON, or KIND,NAME=VALUE,... (see below). Repeatable.", metavar="FAULT"
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
