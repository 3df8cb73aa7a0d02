"""The pages behind a linkUrl: what a customer sees in the browser."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse

from bulk.sandbox import customers
from bulk.sandbox.changes import Changes
from bulk.sandbox.clock import Clock
from bulk.sandbox.options import Options
from bulk.sandbox.platforms import PARTNER, PLATFORMS, Platform
from bulk.sandbox.store import Store, StoredCompany, StoredConnection

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",  # the address is the credential
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 3rem auto; padding: 0 1rem;
  color: #1b1b1b; background: #fff; }}
button, select {{ font: inherit; padding: .6rem 1.4rem; margin: 0 .6rem .6rem 0; cursor: pointer;
  border: 2px solid #1d4ed8; border-radius: .4rem;
  color: #1d4ed8; background: #fff; }}
button.first {{ color: #fff; background: #1d4ed8; }}
button:focus-visible, select:focus-visible {{ outline: 3px solid #b45309; outline-offset: 2px; }}
.note {{ color: #555; font-size: .9rem; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
<p class="note">This is bulk's sandbox. No accounting software is involved.</p>
</main>
</body>
</html>
"""


class LinkPages:
    """Opening a linkUrl shows a page and changes nothing; its buttons decide."""

    def __init__(self, store: Store, changes: Changes, clock: Clock, options: Options) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._link_lifetime = options.link_lifetime
        self._offered = {key: each for key, each in PLATFORMS.items() if key not in options.disabled_platform}

    async def start(self, request: Request) -> HTMLResponse:
        """Answer GET (the question) and POST (the decision)."""
        connection = self._connection(request)
        if connection is None:
            return _page("This link no longer works", _NO_LONGER, status=401)
        names = self._names(request, connection)
        if request.method != "POST":
            return _page("Connect your accounting software", _question(*names, request.path_params["company_id"]))
        decision = await _field(request, "decision")
        if decision not in {"authorize", "decline"}:
            return _page("Nothing was decided", "<p>Please go back and choose one of the two buttons.</p>", status=400)
        # The link may have been spent while the form's body was on its way.
        if self._connection(request) is None:
            return _page("This link no longer works", _NO_LONGER, status=401)
        return self._decided(decision, connection, names)

    def _decided(self, decision: str, connection: StoredConnection, names: tuple[str, str]) -> HTMLResponse:
        company, platform = names
        with self._store.transaction():
            if decision == "authorize":
                customers.authorize(self._changes, connection)
                return _page("Connected", f"<p>{escape(platform)} of {escape(company)} is now connected.</p>")
            customers.decline(self._store, self._clock, connection)
            return _page("Not connected", f"<p>{escape(platform)} of {escape(company)} was not connected.</p>")

    async def choose(self, request: Request) -> HTMLResponse:
        """Answer GET (which software?) and POST (that one is authorized): the company's `redirect`, good at any time.

        Customers may have other software than they were asked for.
        """
        if self._company(request) is None:
            return _page("There is no such page", "<p>Please check the address.</p>", status=404)
        platform = self._offered.get(await _field(request, "platformKey")) if request.method == "POST" else None
        company = self._company(request)  # it may have changed while the form's body was on its way
        if company is None or any(each.status == "Linked" for each in customers.accounting(company)):
            return _page("Already connected", "<p>There is nothing left to do.</p>", status=409)
        if request.method != "POST":
            return _page("Choose your accounting software", _choice(company, self._offered.values()))
        if platform is None:
            return _page("Nothing was chosen", "<p>Please go back and choose your software.</p>", status=400)
        with self._store.transaction():
            customers.choose(self._changes, company, platform)
        return _page("Connected", f"<p>{escape(platform.name)} of {escape(company.name)} is now connected.</p>")

    def _company(self, request: Request) -> StoredCompany | None:
        return self._store.company(request.path_params["company_id"])

    def _connection(self, request: Request) -> StoredConnection | None:
        connection = self._store.connection(request.path_params["company_id"], request.path_params["connection_id"])
        otp = request.query_params.get("otp", "")
        opens = customers.can_open(connection, otp, now=self._clock.now(), lifetime=self._link_lifetime)
        return connection if opens else None

    def _names(self, request: Request, connection: StoredConnection) -> tuple[str, str]:
        company = self._company(request)
        platform = PLATFORMS.get(connection.platform_key, PARTNER)
        return (company.name if company else ""), platform.name


_NO_LONGER = "<p>It has expired or was used already. Please ask whoever sent it to you for a new one.</p>"


async def _field(request: Request, name: str) -> str:
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    return form.get(name, [""])[0]


def _choice(company: StoredCompany, platforms: Iterable[Platform]) -> str:
    options = "".join(f'<option value="{each.key}">{escape(each.name)}</option>' for each in platforms)
    return (
        f"<p>{escape(company.name)} is asked to share the data of its accounting software.</p>"
        f'<form method="post"><p><label>Software <select name="platformKey">{options}</select></label></p>'
        '<button class="first">Authorize</button></form>'
    )


def _question(company: str, platform: str, company_id: str) -> str:
    return (
        f"<p>{escape(company)} is asked to share the data of its {escape(platform)} account.</p>"
        '<form method="post"><button class="first" name="decision" value="authorize">Authorize</button>'
        '<button name="decision" value="decline">Decline</button></form>'
        f'<p><a href="/link/companies/{escape(company_id)}/start">We use other accounting software</a></p>'
    )


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), body=body), status_code=status, headers=_HEADERS)
