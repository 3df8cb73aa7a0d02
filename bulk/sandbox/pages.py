"""The pages behind a linkUrl: what a customer sees in the browser."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse

from bulk.sandbox import customers
from bulk.sandbox.clock import Clock
from bulk.sandbox.platforms import PARTNER, PLATFORMS
from bulk.sandbox.store import Store, StoredConnection

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
button {{ font: inherit; padding: .6rem 1.4rem; margin: 0 .6rem .6rem 0; cursor: pointer;
  border: 2px solid #1d4ed8; border-radius: .4rem;
  color: #1d4ed8; background: #fff; }}
button.first {{ color: #fff; background: #1d4ed8; }}
button:focus-visible {{ outline: 3px solid #b45309; outline-offset: 2px; }}
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

    def __init__(self, store: Store, clock: Clock, *, link_lifetime: float) -> None:
        self._store = store
        self._clock = clock
        self._link_lifetime = link_lifetime

    async def start(self, request: Request) -> HTMLResponse:
        """Answer GET (the question) and POST (the decision)."""
        connection = self._connection(request)
        if connection is None:
            return _page("This link no longer works", _NO_LONGER, status=401)
        names = self._names(request, connection)
        if request.method != "POST":
            return _page("Connect your accounting software", _question(*names))
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        decision = form.get("decision", [""])[0]
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
                customers.authorize(self._store, connection.n)
                return _page("Connected", f"<p>{escape(platform)} of {escape(company)} is now connected.</p>")
            customers.decline(self._store, self._clock, connection.n)
            return _page("Not connected", f"<p>{escape(platform)} of {escape(company)} was not connected.</p>")

    def _connection(self, request: Request) -> StoredConnection | None:
        connection = self._store.connection(request.path_params["company_id"], request.path_params["connection_id"])
        otp = request.query_params.get("otp", "")
        opens = customers.can_open(connection, otp, now=self._clock.now(), lifetime=self._link_lifetime)
        return connection if opens else None

    def _names(self, request: Request, connection: StoredConnection) -> tuple[str, str]:
        company = self._store.company(request.path_params["company_id"])
        platform = PLATFORMS.get(connection.platform_key, PARTNER)
        return (company.name if company else ""), platform.name


_NO_LONGER = "<p>It has expired or was used already. Please ask whoever sent it to you for a new one.</p>"


def _question(company: str, platform: str) -> str:
    return (
        f"<p>{escape(company)} is asked to share the data of its {escape(platform)} account.</p>"
        '<form method="post"><button class="first" name="decision" value="authorize">Authorize</button>'
        '<button name="decision" value="decline">Decline</button></form>'
    )


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), body=body), status_code=status, headers=_HEADERS)
