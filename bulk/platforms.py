"""The one table of accounting platforms: Codat's key, the name, other spellings, and whether Expenses supports it.

Names are compared without case, accents, spaces and punctuation, and without a country at the end or in parentheses. An
ambiguous name is never guessed, because a connection to the wrong platform would send the customer to the sign-in page
of software that they do not have.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # importing polars takes longer than most commands run
    import polars as pl

from bulk.errors import UsageError


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
        "NetSuite by Oracle",
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
        "QuickBooks QBO", "QBO Simple Start", "QBO Essentials", "QBO Plus", "QBO Advanced", "QB Online Plus",
        "QuickBooks Online Intuit",
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


_COUNTRIES: Final = frozenset((
    "uk", "gb", "gbr", "unitedkingdom", "greatbritain", "england", "scotland", "ie", "irl", "ireland",
    "us", "usa", "unitedstates", "ca", "can", "canada", "za", "zaf", "rsa", "southafrica",
    "au", "aus", "australia", "nz", "nzl", "newzealand", "sg", "singapore", "hk", "hongkong", "my", "malaysia",
    "in", "india", "ae", "uae", "eu", "europe", "fr", "france", "de", "germany", "es", "spain", "it", "italy",
    "nl", "netherlands", "be", "belgium", "global", "international",
))  # fmt: skip
"""Countries and regions, squeezed. An edition of the software for a country has the same platformKey."""
_MAX_COUNTRY_WORDS: Final = 2
_SIGNS: Final = str.maketrans("", "", "™®©℠")  # NFKC would turn them into letters


def _squeezed(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_SIGNS))
    return re.sub(r"[^a-z0-9]+", "", re.sub(r"[\u0300-\u036f]", "", plain).lower())


def _without_country(text: str) -> str:
    """Remove a country at the end of a name, or in parentheses."""
    text = re.sub(r"[(（\[]([^()（）\[\]]*)[)）\]]", lambda inside: "" if _is_country(inside[1]) else inside[0], text)
    words = re.split(r"[\s\-–—_,/:|]+", text.strip(" -–—_,/:|"))
    for size in range(1, _MAX_COUNTRY_WORDS + 1):
        if len(words) > size and _is_country("".join(words[-size:])):
            return " ".join(words[:-size])
    return text


def _is_country(text: str) -> bool:
    return _squeezed(text) in _COUNTRIES


_KEYS: Final = MappingProxyType(
    {_squeezed(name): platform.key for platform in PLATFORMS for name in (platform.name, *platform.spellings)}
)


def platform_key(text: str, names: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """Return the platformKey for a trimmed text, or None if the platform is unknown or ambiguous.

    `names` are the keys of the user's own names, as `read_names` returns them. A word of four letters may be the key of
    a platform that is not in the table: `NAMES` lacks it, and only Codat knows whether it exists.
    """
    if names and (own := names.get(_own_name(text))):
        return own
    known = _KEYS.get(_squeezed(text)) or _KEYS.get(_squeezed(_without_country(text)))
    lower = unicodedata.normalize("NFKC", text).lower()
    if known is None and re.fullmatch(r"[a-z]{4}", lower) and lower not in _NOT_KEYS:
        return lower
    return known


def read_names(pairs: Mapping[str, str]) -> Mapping[str, str]:
    """Return the platformKey of each of the user's own names, in the form that `platform_key` needs.

    `pairs` are {name in the input: platformKey, or name of a known platform}. Raises UsageError.
    """
    names: dict[str, str] = {}
    for name, target in pairs.items():
        key = platform_key(target.strip())
        if key is None or not name.strip():
            raise UsageError(f"--platform-name {name}={target}: write NAME=KEY, with a platformKey such as knfz")
        if names.setdefault(_own_name(name), key) != key:
            raise UsageError(f"--platform-name {name} is given twice, with different platformKeys; give one")
    return MappingProxyType(names)


def merged_names(known: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Return both mappings of the user's own names as one. A new name replaces the same name in another spelling."""
    replaced = {_own_name(name) for name in new}
    return {name: key for name, key in known.items() if _own_name(name) not in replaced} | dict(new)


def _own_name(text: str) -> str:
    return re.sub(r"[\s\-_]+", "", unicodedata.normalize("NFKC", text).casefold())


def nearest(text: str) -> tuple[str, ...]:
    """Return the names of the platforms that an unknown or ambiguous text may mean, or () if none is similar.

    A call takes about a millisecond.
    """
    if _squeezed(text) in _WORDS:
        return ()
    squeezed = _squeezed(_without_country(text[:_MAX_COMPARED]))
    similar = difflib.get_close_matches(squeezed, [*_KEYS, *_AMBIGUOUS], n=1, cutoff=0.75)
    if not similar:
        return ()
    return _AMBIGUOUS.get(similar[0]) or (NAMES[_KEYS[similar[0]]],)


def platform_names(keys: pl.Expr) -> pl.Expr:
    """Return the name of each platformKey. A key without a known name does not change."""
    return keys.replace(list(NAMES), list(NAMES.values()))
