"""Reads the statuses of the customers that a command names, with as few requests as possible."""

from __future__ import annotations

import sqlite3

from bulk.codat import endpoints
from bulk.engine.adopter import Adopter
from bulk.engine.events import Warned
from bulk.engine.reconcile import read_companies
from bulk.engine.session import Session
from bulk.engine.statuses import mark_missing, read_statuses
from bulk.journal import company_list, customers, selection
from bulk.model import CustomerRecord


async def read_named_statuses(session: Session) -> list[CustomerRecord]:
    """Read single companies if they are no more than the pages of the list; otherwise read the list.

    Return the customers whose companies could not be read. Each has been reported.
    """
    context, hook = session.context, session.hook
    companies = await context.writer.write(selection.named_companies)
    all_companies = await context.writer.write(selection.count_companies)
    if len(companies) > endpoints.page_count(all_companies):
        await read_statuses(session)
        return []
    adopter = Adopter(context.labels, accepts_missing=True).of_all()  # it sees the named companies only
    blocked = await read_companies(context, companies, adopter, hook)

    def apply(connection: sqlite3.Connection) -> list[CustomerRecord]:
        unread = list(customers.by_companies(connection, blocked))
        for customer in unread:
            company_list.mark_shown(connection, customer.seq)  # nothing shows that its company is missing
        adopter.end(connection, context.wall())
        mark_missing(connection, context.wall(), named=True)
        return unread

    unread = await context.writer.write(apply)
    for customer in unread:
        reason = "a firewall blocks its company in Codat, so its status may be out of date"
        hook(Warned(f"Customer {customer.customer_id}: {reason}"))
    return unread
