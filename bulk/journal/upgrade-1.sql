-- From the journal of bulk's first version to the second, which goes on after the email.

ALTER TABLE customers ADD COLUMN company_batch TEXT;
CREATE INDEX customers_linked ON customers (seq) WHERE state = 'linked';

CREATE TABLE deliveries (
    n             INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    customer      INTEGER NOT NULL,
    type          TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    generated_at  TEXT NOT NULL,
    received_at   TEXT NOT NULL,
    body          TEXT NOT NULL
);
CREATE INDEX deliveries_connection ON deliveries (connection_id);

CREATE TABLE findings (
    n             INTEGER PRIMARY KEY,
    finding       TEXT NOT NULL,
    customer_id   TEXT,
    company_id    TEXT,
    connection_id TEXT,
    detail        TEXT NOT NULL,
    adopted       INTEGER NOT NULL DEFAULT 0
);
