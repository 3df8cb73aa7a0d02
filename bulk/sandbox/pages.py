"""The pages behind a linkUrl, which a customer sees in the browser."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse

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
_NO_LONGER = "<p>It has expired or was used already. Please ask the sender for a new one.</p>"


class LinkPages:
    """The pages. Opening a linkUrl shows a page and changes nothing; its buttons record the decision."""

    def __init__(self, store: Store, changes: Changes, clock: Clock, options: Options) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._link_lifetime = options.link_lifetime
        self._has_passwords = not options.no_passwords
        self._offered = {key: each for key, each in PLATFORMS.items() if key not in options.disabled_platform}

    async def start(self, request: Request) -> HTMLResponse:
        """Serve a linkUrl: GET shows the question, POST records the decision."""
        decision = await _field(request, "decision") if request.method == "POST" else None
        connection, company = self._connection(request), self._company(request)
        if connection is None or company is None:
            return _page("This link no longer works", _NO_LONGER, status=401)
        platform = PLATFORMS.get(connection.platform_key, PARTNER).name
        if decision is None:
            return _page("Connect your accounting software", _question(company, platform))
        if decision not in {"authorize", "decline"}:
            return _page("Nothing was decided", "<p>Please go back and choose one of the two buttons.</p>", status=400)
        with self._store.transaction():
            if decision == "authorize":
                self._changes.authorize(connection)
                return _connected(company, platform)
            self._changes.decline(connection)
            return _page("Not connected", f"<p>{escape(platform)} of {escape(company.name)} was not connected.</p>")

    async def choose(self, request: Request) -> HTMLResponse:
        """Serve the `redirect` of a company: GET shows the accounting software, POST authorizes the selected one.

        Customers may use other software than the client asked for. The address never expires.
        """
        key = await _field(request, "platformKey") if request.method == "POST" else None
        company = self._company(request)
        if company is None:
            return _page("Page not found", "<p>Please check the address.</p>", status=404)
        if any(each.status == "Linked" for each in company.accounting):
            return _page("Already connected", "<p>There is nothing left to do.</p>", status=409)
        if key is None:
            return _page("Choose your accounting software", _choice(company, self._offered.values()))
        platform = self._offered.get(key)
        if platform is None:
            return _page("Nothing was chosen", "<p>Please go back and choose your software.</p>", status=400)
        with self._store.transaction():
            self._changes.choose(company, platform)
        return _connected(company, platform.name)

    def _company(self, request: Request) -> StoredCompany | None:
        return self._store.company(request.path_params["company_id"])

    def _connection(self, request: Request) -> StoredConnection | None:
        connection = self._store.connection(request.path_params["company_id"], request.path_params["connection_id"])
        otp = request.query_params.get("otp", "")
        if not self._has_passwords:
            return connection if connection is not None and connection.status != "Linked" else None
        opens = _can_open(connection, otp, now=self._clock.now(), lifetime=self._link_lifetime)
        return connection if opens else None


def _can_open(connection: StoredConnection | None, otp: str, *, now: float, lifetime: float) -> bool:
    """Return whether a linkUrl opens: its password is the newest, and is neither spent nor expired.

    https://docs.codat.io/auth-flow/authorize-hosted-link: it can be used once, and expires after a day even if unused.
    """
    if connection is None or connection.status == "Linked" or connection.otp_spent:
        return False
    return connection.otp == otp and now < connection.otp_minted + lifetime


async def _field(request: Request, name: str) -> str:
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    return form.get(name, [""])[0]


def _connected(company: StoredCompany, platform: str) -> HTMLResponse:
    return _page("Connected", f"<p>{escape(platform)} of {escape(company.name)} is now connected.</p>")


def _choice(company: StoredCompany, platforms: Iterable[Platform]) -> str:
    options = "".join(f'<option value="{each.key}">{escape(each.name)}</option>' for each in platforms)
    return (
        f"<p>{escape(company.name)} is asked to share the data of its accounting software.</p>"
        f'<form method="post"><p><label>Software <select name="platformKey">{options}</select></label></p>'
        '<button class="first">Authorize</button></form>'
    )


def _question(company: StoredCompany, platform: str) -> str:
    return (
        f"<p>{escape(company.name)} is asked to share the data of its {escape(platform)} account.</p>"
        '<form method="post"><button class="first" name="decision" value="authorize">Authorize</button>'
        '<button name="decision" value="decline">Decline</button></form>'
        f'<p><a href="/link/companies/{escape(company.id)}/start">We use other accounting software</a></p>'
    )


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    page = (files(__package__) / "page.html").read_text().replace("{title}", escape(title)).replace("{body}", body)
    return HTMLResponse(page, status_code=status, headers=_HEADERS)
