"""Makes the folder of a batch whose customers are all done: `python -m benchmarks.loads.finished_batch INPUT FOLDER`.

The input is enrolled as in a run. One SQL statement then marks all customers as done, and two add their requests. An id
ends with the customer's number minus one, as the ids of the peer do.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bulk.codat.endpoints import batch_tag
from bulk.engine.enrolling import enrol
from bulk.input import Input, open_input
from bulk.journal import database, enrolment, facts, runs
from bulk.settings import SANDBOX

DONE = """
    UPDATE customers SET state = 'link_ready', name_sent = name, description_sent = description,
        platform_sent = platform_key, company_id = printf('11111111-c0da-4000-8000-%012x', seq - 1),
        company_origin = 'created', connection_id = printf('22222222-c0da-4000-8000-%012x', seq - 1),
        connection_status = 'PendingAuth', link_issued_at = :at, updated_at = :at, attempts = 2, link_url = printf(
            'https://link-api.codat.io/companies/11111111-c0da-4000-8000-%012x/start?otp=%06d', seq - 1, seq % 1000000)
"""
COMPANIES = """
    INSERT INTO requests (run, customer, step, operation, key, body, sent_at, answered_at, outcome, status)
    SELECT :run, seq, 'company', 'create_company', lower(hex(randomblob(16))),
           json_object('name', name, 'description', description,
                       'tags', json_object('uid', customer_id, 'bulk_uid', tag, 'bulk_batch', :batch_tag)),
           :now, :now, 'done', 200
    FROM customers
"""
CONNECTIONS = """
    INSERT INTO requests (run, customer, step, operation, key, body, sent_at, answered_at, outcome, status)
    SELECT :run, seq, 'connection', 'create_connection', lower(hex(randomblob(16))),
           json_object('platformKey', platform_key), :now, :now, 'done', 200
    FROM customers
"""


def make(source: Input, folder: Path) -> None:
    """Make the batch's folder and its journal."""
    yesterday = time.time() - 86_400
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(yesterday))
    connection = database.open_journal(folder)
    with database.transaction(connection):
        run = runs.begin_run(connection, command="migrate", version="benchmark", source=str(source.path), at=at)
        enrolment.record_diff(connection, run, enrol(connection, source, run))
        connection.execute(DONE, {"at": at})
        asked = {"run": run, "now": yesterday}
        connection.execute(COMPANIES, asked | {"batch_tag": batch_tag(folder.name)})
        connection.execute(CONNECTIONS, asked)
        about = {"name": folder.name, "codat": SANDBOX, "created_at": at, "list_read_at": yesterday}
        facts.put(connection, about | {"link_lifetime": 7 * 86_400})
        runs.finish_run(connection, run, at=at, seconds=1.0, stopped=None)
    connection.close()


if __name__ == "__main__":
    make(open_input(Path(sys.argv[1])), Path(sys.argv[2]))
