"""The accounting software that customers use: its names as people write them, and Codat's key for each.

Names are compared without regard to case, blanks and punctuation. A name that could be two products is not guessed:
a connection to the wrong one would send the customer to a sign-in page of software they do not have.
"""

from __future__ import annotations

import difflib
import re
from types import MappingProxyType
from typing import Final

import polars as pl

_SPOKEN: Final = {
    "trji": (
        "Dynamics 365 Business Central", "Business Central", "BC", "Dynamics 365 BC", "Dynamics BC", "D365 BC", "MS BC",
        "BC 365", "365 BC", "D365 Business Central", "MS Business Central", "Microsoft Business Central",
        "Dynamics Business Central", "365 Business Central", "Microsoft 365 Business Central", "Microsoft BC",
        "Microsoft Dynamics 365 Business Central", "Microsoft Dynamics 365 BC", "Microsoft Dynamics Business Central",
        "Microsoft Dynamics BC", "Microsoft D365 BC", "Microsoft D365 Business Central", "MS D365 Business Central",
        "MS Dynamics 365 Business Central", "MS Dynamics 365 BC", "MS Dynamics Business Central", "MS Dynamics BC",
        "MS D365 BC",
        "Business Central Online", "Business Central Cloud", "Dynamics 365 Business Central Online",
    ),
    "fbrh": ("FreeAgent", "FreeAgent Accounting", "FreeAgent Central", "NatWest FreeAgent", "Mettle FreeAgent"),
    "akxx": (
        "Oracle NetSuite", "NetSuite", "NetSuite ERP", "Oracle NetSuite ERP", "NetSuite OneWorld",
        "Oracle NetSuite OneWorld",
    ),
    "pqsw": (
        "QuickBooks Desktop", "Quickbook Desktop", "QB Desktop", "QBD", "QBDT", "QBWD", "Intuit QuickBooks Desktop",
        "Intuit QBD", "QuickBooks Desktop Pro", "QuickBooks Desktop Premier", "QuickBooks Desktop Enterprise",
        "QuickBooks Enterprise",
        "QuickBooks Premier", "QuickBooks Pro", "QuickBooks Enterprise Desktop", "QuickBooks Pro Desktop",
        "QuickBooks Premier Desktop", "QuickBooks for Windows", "Desktop QuickBooks",
        "QuickBooks Desktop for Windows",
    ),
    "qhyg": (
        "QuickBooks Online", "Quickbook Online", "QB Online", "QBO", "QBOA", "Intuit QuickBooks Online", "Intuit QBO",
        "QuickBooks Online Simple Start", "QuickBooks Online Essentials", "QuickBooks Online Plus",
        "QuickBooks Online Advanced",
        "QuickBooks Online Accountant", "QuickBooks Cloud", "Online QuickBooks", "QuickBooks QBO",
    ),
    "gbol": ("Xero", "Xero Accounting", "Xero Online", "Xero.com"),
    "pbtz": ("Wave", "Wave Accounting", "Wave Apps", "Wave Financial"),
    "rwuv": ("Zoho Books", "Zoho", "ZohoBooks Online"),
    "knfz": ("Sage Intacct", "Intacct"),
    "tgff": ("Sage Accounting", "Sage Business Cloud Accounting", "Sage Accounting Online"),
    "mqjo": ("Sandbox", "Codat Sandbox"),
}  # fmt: skip

_QUICKBOOKS: Final = 'write "QuickBooks Online" or "QuickBooks Desktop": they are two products'
_KEY: Final = "write its platformKey, the four letters that Codat shows for the integration"
_DOUBTFUL: Final = {
    "quickbooks": _QUICKBOOKS, "quickbook": _QUICKBOOKS, "qb": _QUICKBOOKS, "intuit": _QUICKBOOKS,
    "intuitquickbooks": _QUICKBOOKS, "intuitquickbook": _QUICKBOOKS, "quickbooksaccounting": _QUICKBOOKS,
    "sage": 'write "Sage Intacct" or "Sage Accounting", or another Sage product\'s platformKey',
    "dynamics": 'write "Dynamics 365 Business Central" if that is meant',
    "dynamics365": 'write "Dynamics 365 Business Central" if that is meant',
    "d365": 'write "Dynamics 365 Business Central" if that is meant',
    "microsoftdynamics": 'write "Dynamics 365 Business Central" if that is meant',
    "microsoftdynamics365": 'write "Dynamics 365 Business Central" if that is meant',
    "msdynamics": 'write "Dynamics 365 Business Central" if that is meant',
    "msdynamics365": 'write "Dynamics 365 Business Central" if that is meant',
    "oracle": 'write "Oracle NetSuite" if that is meant',
    # Words of four letters that a cell may well hold and that are no key.
    "myob": _KEY, "odoo": _KEY, "iris": _KEY, "none": _KEY, "null": _KEY, "test": _KEY, "todo": _KEY, "misc": _KEY,
}  # fmt: skip

NAMES: Final = MappingProxyType({key: spoken[0] for key, spoken in _SPOKEN.items()})
"""Codat's platformKeys that have a name here, with that name."""

# A slip of the finger in a short name looks like a platformKey: `Xreo` is far more likely Xero than a key.
_SLIPS: Final = frozenset(
    name[:at] + name[at + 1] + name[at] + name[at + 2 :] for name in ("xero", "wave", "sage", "zoho") for at in range(3)
)
_NO_KEYS: Final = frozenset(_DOUBTFUL) | _SLIPS

_SQUEEZE: Final = r"[^a-z0-9]+"
_FOUR_LETTERS: Final = r"\A[a-z]{4}\z"


def _squeezed(text: str) -> str:
    return re.sub(_SQUEEZE, "", text.lower())


_KEYS: Final = MappingProxyType({_squeezed(name): key for key, spoken in _SPOKEN.items() for name in spoken})
_GENERAL: Final = (
    "write one of "
    + ", ".join(NAMES[key] for key in ("trji", "fbrh", "akxx", "pqsw", "qhyg", "gbol"))
    + ", or a platformKey of four letters"
)


def platform_keys(expr: pl.Expr) -> pl.Expr:
    """The platformKey of each trimmed text; null where it names no platform, or more than one."""
    return expr.map_batches(_keys_of, return_dtype=pl.String, is_elementwise=True)


def _keys_of(texts: pl.Series) -> pl.Series:
    # A file names few platforms many times over: each name is looked up once.
    distinct = texts.unique().drop_nulls().to_frame("text")
    keys = distinct.select(_looked_up(pl.col("text"))).to_series()
    return texts.replace_strict(distinct["text"], keys, default=None, return_dtype=pl.String)


def _looked_up(texts: pl.Expr) -> pl.Expr:
    lower = texts.str.to_lowercase()
    squeezed = lower.str.replace_all(_SQUEEZE, "")
    known = squeezed.replace_strict(list(_KEYS), list(_KEYS.values()), default=None, return_dtype=pl.String)
    is_key = lower.str.contains(_FOUR_LETTERS) & ~lower.is_in(list(_NO_KEYS))
    return known.fill_null(pl.when(is_key).then(lower))


def platform_key(text: str) -> str | None:
    """The platformKey of one trimmed text; None where it names no platform, or more than one."""
    lower = text.lower()
    known = _KEYS.get(_squeezed(text))
    if known is None and len(lower) == 4 and lower.isascii() and lower.isalpha() and lower not in _NO_KEYS:
        return lower
    return known


def remedy(text: str) -> str:
    """What to write instead of a text that names no platform: the nearest name, where one is near."""
    squeezed = _squeezed(text)[:60]
    if squeezed in _DOUBTFUL:
        return _DOUBTFUL[squeezed]
    near = difflib.get_close_matches(squeezed, [*_KEYS, *_DOUBTFUL], n=1, cutoff=0.75)
    if not near:
        return _GENERAL
    return (
        _DOUBTFUL.get(near[0]) or f'write "{NAMES[_KEYS[near[0]]]}" if that is meant, or a platformKey of four letters'
    )
