"""The one table of accounting platforms: Codat's key, the name, other spellings, and whether Expenses supports it.

Names are compared without case, spaces and punctuation. An ambiguous name is never guessed, because a connection to
the wrong platform would send the customer to the sign-in page of software that they do not have.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # importing polars takes longer than most commands run
    import polars as pl


@dataclass(frozen=True, slots=True)
class Platform:
    """One accounting platform."""

    key: str
    name: str
    spellings: tuple[str, ...] = ()
    is_supported: bool = False
    """Whether Codat's Expenses product supports it."""


# https://docs.codat.io/integrations/accounting/overview#platform-keys
PLATFORMS: Final = (
    Platform("trji", "Dynamics 365 Business Central", (
        "Business Central", "BC", "Dynamics 365 BC", "Dynamics BC", "D365 BC", "MS BC", "BC 365", "365 BC",
        "D365 Business Central", "MS Business Central", "Microsoft Business Central", "Dynamics Business Central",
        "365 Business Central", "Microsoft 365 Business Central", "Microsoft BC",
        "Microsoft Dynamics 365 Business Central", "Microsoft Dynamics 365 BC", "Microsoft Dynamics Business Central",
        "Microsoft Dynamics BC", "Microsoft D365 BC", "Microsoft D365 Business Central", "MS D365 Business Central",
        "MS Dynamics 365 Business Central", "MS Dynamics 365 BC", "MS Dynamics Business Central", "MS Dynamics BC",
        "MS D365 BC", "Business Central Online", "Business Central Cloud", "Dynamics 365 Business Central Online",
    ), is_supported=True),
    Platform("fbrh", "FreeAgent", (
        "FreeAgent Accounting", "FreeAgent Central", "NatWest FreeAgent", "Mettle FreeAgent",
    ), is_supported=True),
    Platform("akxx", "Oracle NetSuite", (
        "NetSuite", "NetSuite ERP", "Oracle NetSuite ERP", "NetSuite OneWorld", "Oracle NetSuite OneWorld",
    ), is_supported=True),
    Platform("pqsw", "QuickBooks Desktop", (
        "Quickbook Desktop", "QB Desktop", "QBD", "QBDT", "QBWD", "Intuit QuickBooks Desktop", "Intuit QBD",
        "QuickBooks Desktop Pro", "QuickBooks Desktop Premier", "QuickBooks Desktop Enterprise",
        "QuickBooks Enterprise", "QuickBooks Premier", "QuickBooks Pro", "QuickBooks Enterprise Desktop",
        "QuickBooks Pro Desktop", "QuickBooks Premier Desktop", "QuickBooks for Windows", "Desktop QuickBooks",
        "QuickBooks Desktop for Windows",
    ), is_supported=True),
    Platform("qhyg", "QuickBooks Online", (
        "Quickbook Online", "QB Online", "QBO", "QBOA", "Intuit QuickBooks Online", "Intuit QBO",
        "QuickBooks Online Simple Start", "QuickBooks Online Essentials", "QuickBooks Online Plus",
        "QuickBooks Online Advanced", "QuickBooks Online Accountant", "QuickBooks Cloud", "Online QuickBooks",
        "QuickBooks QBO",
    ), is_supported=True),
    Platform("gbol", "Xero", ("Xero Accounting", "Xero Online", "Xero.com"), is_supported=True),
    Platform("knfz", "Sage Intacct", ("Intacct",), is_supported=True),
    Platform("rwuv", "Zoho Books", ("Zoho", "ZohoBooks Online"), is_supported=True),
    Platform("pbtz", "Wave", ("Wave Accounting", "Wave Apps", "Wave Financial")),
    Platform("tgff", "Sage Accounting", ("Sage Business Cloud Accounting", "Sage Accounting Online")),
    Platform("mqjo", "Sandbox", ("Codat Sandbox",)),
)  # fmt: skip

NAMES: Final = MappingProxyType({platform.key: platform.name for platform in PLATFORMS})
"""The name of each known platform, by platformKey."""
SUPPORTED: Final = tuple(platform.key for platform in PLATFORMS if platform.is_supported)
"""The platformKeys that Codat's Expenses product supports."""

_QUICKBOOKS: Final = ("QuickBooks Online", "QuickBooks Desktop")
_DYNAMICS: Final = ("Dynamics 365 Business Central",)
# Names of a vendor or a product family, with the products that may be meant.
_AMBIGUOUS: Final = MappingProxyType(
    {
        **dict.fromkeys(("quickbooks", "quickbook", "qb", "intuit", "quickbooksaccounting"), _QUICKBOOKS),
        **dict.fromkeys(("intuitquickbooks", "intuitquickbook"), _QUICKBOOKS),
        "sage": ("Sage Intacct", "Sage Accounting"),
        **dict.fromkeys(("dynamics", "dynamics365", "d365", "microsoftdynamics"), _DYNAMICS),
        **dict.fromkeys(("microsoftdynamics365", "msdynamics", "msdynamics365"), _DYNAMICS),
        "oracle": ("Oracle NetSuite",),
    }
)
# Words of four letters that are likely in a cell and are not platformKeys.
_WORDS: Final = frozenset(("myob", "odoo", "iris", "none", "null", "test", "todo", "misc"))
# A typing error in a short name looks like a platformKey: `Xreo` is more likely to be Xero than a key.
_TYPING_ERRORS: Final = frozenset(
    name[:at] + name[at + 1] + name[at] + name[at + 2 :] for name in ("xero", "wave", "sage", "zoho") for at in range(3)
)
_NOT_KEYS: Final = frozenset(_AMBIGUOUS) | _WORDS | _TYPING_ERRORS
_MAX_COMPARED: Final = 60  # characters; comparing is slow, and no name is longer


def _squeezed(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


_KEYS: Final = MappingProxyType(
    {_squeezed(name): platform.key for platform in PLATFORMS for name in (platform.name, *platform.spellings)}
)


def platform_key(text: str) -> str | None:
    """Return the platformKey for a trimmed text, or None if the platform is unknown or ambiguous."""
    lower = text.lower()
    known = _KEYS.get(_squeezed(text))
    if known is None and len(lower) == 4 and lower.isascii() and lower.isalpha() and lower not in _NOT_KEYS:
        return lower  # any other key may be enabled for a client
    return known


def nearest(text: str) -> tuple[str, ...]:
    """Return the names of the platforms that an unknown or ambiguous text may mean, or () if none is similar.

    A call takes about a millisecond.
    """
    squeezed = _squeezed(text)[:_MAX_COMPARED]
    if squeezed in _WORDS:
        return ()
    similar = difflib.get_close_matches(squeezed, [*_KEYS, *_AMBIGUOUS], n=1, cutoff=0.75)
    if not similar:
        return ()
    return _AMBIGUOUS.get(similar[0]) or (NAMES[_KEYS[similar[0]]],)


def platform_names(keys: pl.Expr) -> pl.Expr:
    """Return the name of each platformKey. A key without a known name does not change."""
    return keys.replace(list(NAMES), list(NAMES.values()))
