"""The state as it was a while ago, for a list that lags behind: SQL that is put in front of a question.

Its tables take the place of those of the same name, so that every question can be asked of the past in the same words.
Creations, deletions and statuses are of that moment; names, tags and linkUrls are those of now.
"""

from __future__ import annotations

_COMPANY = "n, id, name, description, created, tags"
_BEFORE_STATUS = "n, id, company, platform_key, source_type"
_AFTER_STATUS = "created, last_sync, otp, otp_minted, otp_spent, errors"
_CONNECTION = f"{_BEFORE_STATUS}, status, {_AFTER_STATUS}"


def tables_at(moment: str) -> str:
    """Give the tables as they were at a moment, written as `clock.iso_time` does; never a client's words."""
    return f"""
        WITH company AS (
            SELECT {_COMPANY} FROM main.company WHERE created <= '{moment}'
            UNION ALL
            SELECT {_COMPANY} FROM main.deleted_company WHERE created <= '{moment}' AND until > '{moment}'
        ),
        tag AS (
            SELECT each.key AS key, each.value AS value, company.n AS company
            FROM company, json_each(company.tags) AS each
        ),
        known AS (
            SELECT {_CONNECTION} FROM main.connection
            UNION ALL
            SELECT {_CONNECTION} FROM main.deleted_connection WHERE until > '{moment}'
        ),
        connection AS (
            SELECT {_BEFORE_STATUS}, coalesce((
                SELECT past.status FROM main.past_status AS past
                WHERE past.connection = known.n AND past.until > '{moment}' ORDER BY past.until, past.rowid LIMIT 1
            ), status) AS status, {_AFTER_STATUS}
            FROM known WHERE created <= '{moment}'
        )
    """  # noqa: S608 - the columns are constants, the moment is our own clock's
