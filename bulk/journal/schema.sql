-- The journal of one batch: who is in it, what was asked of Codat for them, and what it answered.
-- The only state there is: resuming and reporting need nothing else.
-- Times in `requests` are seconds since 1970; all other times are UTC, ISO 8601.

CREATE TABLE batch (                 -- facts about the batch as a whole
    key   TEXT PRIMARY KEY,          -- name, codat (what this batch was run against), base_url (of the last run), mapping (JSON, of the last migrate), created_at, list_read_at (epoch: the last whole reading of a company list), link_lifetime (seconds),
    value TEXT                       -- verified_at, processed_event (deliveries.n), asked_at and asked_until (epoch: when a Retry-After was noted, and its end), quota_limit, quota_remaining, quota_resets_at
) WITHOUT ROWID;

CREATE TABLE sources (               -- the files this batch was given
    id      INTEGER PRIMARY KEY,
    path    TEXT NOT NULL,
    digest  TEXT NOT NULL,           -- of the bytes and the mapping: the same digest holds the same rows
    columns TEXT NOT NULL,           -- JSON list, the file's own columns
    extras  TEXT NOT NULL,           -- JSON list, those that are none of the fields
    rows    INTEGER NOT NULL,        -- data rows
    shift   INTEGER NOT NULL,        -- a row's number in the reports is its number in the file plus this
    mapping TEXT NOT NULL DEFAULT '{}' -- JSON object, field → column, as --map has named them
);

CREATE TABLE customers (             -- one row for each customer accepted from the input
    seq            INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of enrolment; never given twice: requests name it
    source         INTEGER NOT NULL,               -- where it stands in the input: sources.id
    row            INTEGER NOT NULL,               --                               and the row of that file
    enrolment      INTEGER NOT NULL,               -- the run that saw it in the input last
    presence       TEXT NOT NULL DEFAULT 'present',-- present, removed (from the input), invalid (its row is rejected)
    -- what the input says, always the latest
    customer_id    TEXT NOT NULL UNIQUE,
    tag            TEXT NOT NULL,                  -- bulk.model.customer_tag of it: marks the company in Codat
    company_name   TEXT NOT NULL,                  -- as written
    name           TEXT NOT NULL,                  -- as Codat will keep it
    platform_key   TEXT NOT NULL,
    email          TEXT,
    description    TEXT,
    extra          TEXT NOT NULL,                  -- JSON object, the other columns
    -- what Codat has, or may have while an outcome is unknown; null as long as nothing was sent
    name_sent        TEXT,
    platform_sent    TEXT,
    description_sent TEXT,
    -- how far it got
    state          TEXT NOT NULL DEFAULT 'pending',-- pending, failed, link_ready, linked, complete, unlinked
    company_id     TEXT,
    company_origin TEXT,                           -- created (by this batch) or adopted; missing: Codat lost it,
                                                   -- and is asked once more before another is created
    deleted_company_id TEXT,                       -- the company that was deleted on purpose last: a list may lag
    company_batch  TEXT,                           -- the tag of the batch that created one that was taken over
    knows_connections INTEGER NOT NULL DEFAULT 1,  -- 0: the company was found, and whether it has a connection was not said
    connection_id  TEXT,
    connection_status TEXT,                        -- Codat's word, or Deleted
    link_url       TEXT,
    link_issued_at TEXT,
    partner_connection_id TEXT,
    partner_status TEXT,
    -- what went wrong last
    error_step     TEXT,
    error_code     TEXT,
    error          TEXT,
    correlation_id TEXT,
    attempts       INTEGER NOT NULL DEFAULT 0,     -- requests made for this customer
    updated_at     TEXT
);
CREATE INDEX customers_pending ON customers (seq) WHERE state = 'pending';
CREATE INDEX customers_begun ON customers (seq) WHERE state = 'pending' AND name_sent IS NOT NULL;
CREATE INDEX customers_linked ON customers (seq) WHERE state = 'linked';
CREATE INDEX customers_absent ON customers (presence, name_sent) WHERE presence <> 'present';
CREATE INDEX customers_tag ON customers (tag);
CREATE INDEX customers_place ON customers (source, row);

CREATE TABLE changes (               -- one row for each time that a customer came into another state
    n        INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL,       -- customers.seq
    run      INTEGER NOT NULL DEFAULT 0, -- in which it was noticed; 0: it is not known
    at       TEXT NOT NULL,
    was      TEXT NOT NULL,
    now      TEXT NOT NULL
);
CREATE INDEX changes_of_customer ON changes (customer);
-- No statement can forget it. A state that is put back without a time of its own was put back by the run that goes on.
CREATE TRIGGER customers_changed AFTER UPDATE OF state ON customers WHEN OLD.state IS NOT NEW.state BEGIN
    INSERT INTO changes (customer, run, at, was, now)
    SELECT NEW.seq, coalesce(max(id), 0), max(coalesce(NEW.updated_at, ''), coalesce(started_at, '')), OLD.state, NEW.state
    FROM (SELECT id, started_at FROM runs ORDER BY id DESC LIMIT 1);
END;

CREATE TABLE rejections (            -- one row for each row of the input that was not accepted
    source       INTEGER NOT NULL,
    row          INTEGER NOT NULL,   -- of that file
    customer_id  TEXT,
    company_name TEXT,
    platform     TEXT,               -- as written
    email        TEXT,
    extra        TEXT NOT NULL,      -- JSON object, the other columns
    cells        TEXT NOT NULL,      -- JSON object, all the input's own columns
    problems     TEXT NOT NULL,      -- JSON list of objects: code, field, value and parameters (bulk.problems)
    hidden       INTEGER NOT NULL DEFAULT 0,  -- 1: Codat has this customer, so the results show it instead of the rejection
    PRIMARY KEY (source, row)
) WITHOUT ROWID;

CREATE TABLE corrected (             -- rejected rows that came back corrected in another file
    cells       TEXT NOT NULL,       -- the rejected row as it was
    customer_id TEXT NOT NULL,       -- the customer that it became
    PRIMARY KEY (cells, customer_id)
) WITHOUT ROWID;

CREATE TABLE runs (                  -- one row for each run of a command on this batch
    id           INTEGER PRIMARY KEY,
    command      TEXT NOT NULL,
    version      TEXT NOT NULL,
    input        TEXT,
    started_at   TEXT NOT NULL,
    finished_at  TEXT,
    seconds      REAL,
    rows_new     INTEGER NOT NULL DEFAULT 0,
    rows_same    INTEGER NOT NULL DEFAULT 0,
    rows_changed INTEGER NOT NULL DEFAULT 0,
    rows_removed INTEGER NOT NULL DEFAULT 0,
    stopped      TEXT                -- why it ended before its work was done
);

CREATE TABLE requests (              -- one row for each request: what a POST intends is committed before it leaves
    id             INTEGER PRIMARY KEY,
    run            INTEGER NOT NULL,
    customer       INTEGER,          -- customers.seq; null for a page of the company list
    step           TEXT,             -- company, connection, partner, ...
    operation      TEXT NOT NULL,    -- create_company, list_companies, ...
    key            TEXT,             -- Idempotency-Key of a POST
    body           TEXT,             -- what a POST carried: repeated with its key, it is repeated to the letter
    sent_at        REAL NOT NULL,
    answered_at    REAL,
    outcome        TEXT,             -- bulk.model.Outcome; null: unknown, the run ended before an answer was recorded
    status         INTEGER,
    correlation_id TEXT,
    error_code     TEXT,
    error          TEXT
);
CREATE TABLE holds (                 -- one row for each wait of a whole run: a Retry-After, the day's quota, an outage
    n     INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    why   TEXT NOT NULL
);

CREATE TABLE deliveries (            -- one row for each webhook event of a customer's connection, in order of arrival
    n             INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE, -- Codat's, the same each time an event is delivered
    customer      INTEGER NOT NULL,     -- customers.seq
    type          TEXT NOT NULL,        -- connection.connected, ...
    connection_id TEXT NOT NULL,
    generated_at  TEXT NOT NULL,        -- by Codat's clock: of two events on a connection the later one holds
    received_at   TEXT NOT NULL,
    body          TEXT NOT NULL
);
CREATE INDEX deliveries_connection ON deliveries (connection_id);

CREATE TABLE findings (              -- what the last proof found otherwise in Codat than here
    n             INTEGER PRIMARY KEY,
    finding       TEXT NOT NULL,
    customer_id   TEXT,
    company_id    TEXT,
    connection_id TEXT,
    detail        TEXT NOT NULL,
    adopted       INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX requests_of_customer ON requests (customer) WHERE customer IS NOT NULL;

PRAGMA application_id = 0x62756C6B; -- "bulk"
PRAGMA user_version = 1;
