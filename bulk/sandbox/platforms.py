"""The integrations that the sandbox offers, under Codat's platform keys."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5


@dataclass(frozen=True, slots=True)
class Platform:
    """One integration: accounting software, or the partner's own expense platform."""

    key: str
    name: str
    source_type: str = "Accounting"
    is_offline: bool = False  # it runs on the customer's own machine

    def id(self, kind: str) -> str:
        """Return the UUID of the `integration` or of its `source`. It is the same after every start."""
        return str(uuid5(NAMESPACE_URL, f"https://api.codat.io/{kind}/{self.key}"))


# https://docs.codat.io/integrations/accounting/overview#platform-keys
PLATFORMS = {
    platform.key: platform
    for platform in (
        Platform("trji", "Dynamics 365 Business Central"),
        Platform("fbrh", "FreeAgent"),
        Platform("akxx", "Oracle NetSuite"),
        Platform("pqsw", "QuickBooks Desktop", is_offline=True),
        Platform("qhyg", "QuickBooks Online"),
        Platform("gbol", "Xero"),
        Platform("pbtz", "Wave"),
        Platform("rwuv", "Zoho Books"),
        Platform("knfz", "Sage Intacct"),
        Platform("tgff", "Sage Accounting"),
        Platform("mqjo", "Sandbox"),
        Platform("abcd", "Example Accounting"),  # in place of all others that Codat has: bulk does not know it
    )
}

# The platform of a partner expense connection; no request contains its key.
PARTNER = Platform("prex", "Partner Expense", source_type="Expense")
