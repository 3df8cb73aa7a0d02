-- The journal of one batch: its customers, the requests to Codat for them, and the outcomes.
-- It is the only state: resuming and reporting need nothing else.
-- Times in `requests` are seconds since 1970; all other times are UTC, ISO 8601.

-- Facts about the batch as a whole.
-- name, created_at        of the batch; the name is part of its tag in Codat
-- codat, base_url         the Codat that the batch belongs to, and the URL of the last run
-- source                  the name from --source: a part of each customer's tag
-- products                JSON list, from --product: assigned to each new company
-- client_id               the Codat client that the batch belongs to
-- key_salt, clients_of_keys   JSON object, salted hash of an API key → its client, or "" if Codat does not say
-- mapping                 JSON object, field → column, from --map
-- platform_names          JSON object, name in the input → platformKey, from --platform-name
-- platform_keys           JSON list, the platformKeys that Codat lists, if an input had one that bulk does not know
-- max_rejected            the number or percentage of rejected rows that are accepted, from --max-rejected, or "none"
-- link_lifetime           the seconds for which a linkUrl is valid
-- links_limit             the most linkUrls to renew, from the last `links`; 0: all
-- page_size               the number of companies to request on a page of the company list
-- list_read_at            the last time that a whole company list was read (seconds since 1970)
-- verified_at             the last time that verify ran
-- processed_event         the last webhook event that a run applied: deliveries.n
-- asked_at, asked_until   the time at which a Retry-After was received, and its end (seconds since 1970)
-- quota_limit, quota_remaining, quota_resets_at   the daily quota of the last response
-- closed_at               the modification time that bulk gave the file (nanoseconds since 1970; see integrity.py)
CREATE TABLE batch (
    key   TEXT PRIMARY KEY,
    value TEXT
) WITHOUT ROWID;

CREATE TABLE sources (               -- one row for each file of the batch
    id      INTEGER PRIMARY KEY,
    path    TEXT NOT NULL,
    digest  TEXT NOT NULL,           -- of the bytes and the mapping: the same digest means the same rows
    columns TEXT NOT NULL,           -- JSON list, the file's own columns
    extras  TEXT NOT NULL,           -- JSON list, the columns that are not fields
    rows    INTEGER NOT NULL,        -- data rows
    shift   INTEGER NOT NULL,        -- a row's number in the reports is its number in the file plus this
    mapping TEXT NOT NULL DEFAULT '{}',-- JSON object, field → column, from --map
    fields  TEXT NOT NULL DEFAULT '{}' -- JSON object, field → column, of every field that the file has
);

CREATE TABLE customers (             -- one row for each customer accepted from the input
    seq            INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of enrolment; never reused, as requests refer to it
    source         INTEGER NOT NULL,               -- its place in the input: sources.id
    row            INTEGER NOT NULL,               --                         and the row of that file
    enrolment      INTEGER NOT NULL,               -- the last run that read it in the input
    presence       TEXT NOT NULL DEFAULT 'present',-- present, removed (from the input), invalid (its row is rejected)
    -- the input's latest values
    customer_id    TEXT NOT NULL UNIQUE,
    spelling       TEXT,                           -- bulk.spellings.spelling_key of it, if that is another text
    tag            TEXT NOT NULL,                  -- bulk.model.customer_tag of it: marks the company in Codat
    company_name   TEXT NOT NULL,                  -- as written
    name           TEXT NOT NULL,                  -- as Codat will store it
    platform       TEXT NOT NULL,                  -- as written
    platform_key   TEXT NOT NULL,
    email          TEXT,
    description    TEXT,
    extra          TEXT NOT NULL,                  -- JSON object, the other columns
    damage         TEXT,                           -- JSON list with one problem: the row's text was damaged, and nobody
                                                   -- has accepted it
    -- values in Codat, or possibly in Codat while an outcome is unknown; null until something was sent
    name_sent        TEXT,
    platform_sent    TEXT,
    description_sent TEXT,
    -- progress
    state          TEXT NOT NULL DEFAULT 'pending',-- pending, conflict, failed, link_ready, linked,
                                                   -- complete, unlinked
    conflict       TEXT,                           -- JSON list with one problem: the reason for the state `conflict`
    company_id     TEXT,
    company_origin TEXT,                           -- created (by this batch), adopted, replayed: it may have been
                                                   -- deleted, or missing: Codat lost it, and it is looked up before
                                                   -- another is created, or undone: undo deleted it, and `migrate
                                                   -- --again` makes it missing
    deleted_company_id TEXT,                       -- the company last deleted on purpose; a list that lags may still
                                                   -- show it
    company_batch  TEXT,                           -- the tag of the batch that created an adopted company
    knows_connections INTEGER NOT NULL DEFAULT 1,  -- 0: Codat showed the company without its connections
    connection_id  TEXT,
    connection_status TEXT,                        -- as Codat calls it, or Deleted
    link_url       TEXT,
    link_issued_at TEXT,
    link_wave      INTEGER,                        -- waves.n of the last linkUrl
    link_error     TEXT,                           -- the last failed attempt to link, while the connection is pending
    first_issued_at TEXT,                          -- of the customer's first linkUrl
    partner_connection_id TEXT,
    partner_status TEXT,
    -- the last error
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
CREATE INDEX customers_conflicts ON customers (seq) WHERE state = 'conflict';
CREATE INDEX customers_damaged ON customers (seq) WHERE damage IS NOT NULL;
CREATE INDEX customers_spelling ON customers (spelling) WHERE spelling IS NOT NULL;
CREATE INDEX customers_tag ON customers (tag);
CREATE INDEX customers_place ON customers (source, row);

CREATE TABLE changes (               -- one row for each change of a customer's state
    n        INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL,       -- customers.seq
    run      INTEGER NOT NULL DEFAULT 0, -- the run that recorded it; 0: unknown
    at       TEXT NOT NULL,
    was      TEXT NOT NULL,
    now      TEXT NOT NULL
);
CREATE INDEX changes_of_customer ON changes (customer);
-- A trigger, so that no statement can forget it. A state that is reset without a time has the time of the current run.
CREATE TRIGGER customers_changed AFTER UPDATE OF state ON customers WHEN OLD.state IS NOT NEW.state BEGIN
    INSERT INTO changes (customer, run, at, was, now)
    SELECT NEW.seq, coalesce(max(id), 0), max(coalesce(NEW.updated_at, ''), coalesce(started_at, '')), OLD.state, NEW.state
    FROM (SELECT id, started_at FROM runs ORDER BY id DESC LIMIT 1);
END;

CREATE TABLE waves (                 -- one row for each wave: the linkUrls issued until a report writes them
    n          INTEGER PRIMARY KEY,
    begun_at   TEXT NOT NULL,        -- its first linkUrl was issued
    closed_at  TEXT,                 -- a report began to write it: later linkUrls belong to the next wave
    is_written INTEGER NOT NULL DEFAULT 0 -- 1: the report is complete. A wave that is closed and not written grows again
);
CREATE TABLE links (                 -- one row for each customer of a wave
    wave       INTEGER NOT NULL,
    customer   INTEGER NOT NULL,     -- customers.seq
    emailed_at TEXT,                 -- from `bulk sent`
    attempted  INTEGER NOT NULL DEFAULT 0, -- 1: since then, the customer has tried to link and failed
    PRIMARY KEY (wave, customer)
) WITHOUT ROWID;
CREATE TRIGGER customers_attempted AFTER UPDATE OF link_error ON customers
WHEN NEW.link_error IS NOT NULL AND NEW.link_error IS NOT OLD.link_error BEGIN
    UPDATE links SET attempted = 1 WHERE wave = NEW.link_wave AND customer = NEW.seq;
END;

CREATE TABLE rejections (            -- one row for each rejected row of the input, and for each held in conflict
    source       INTEGER NOT NULL,
    row          INTEGER NOT NULL,   -- of that file
    customer_id  TEXT,
    company_name TEXT,
    platform     TEXT,               -- as written
    email        TEXT,
    extra        TEXT NOT NULL,      -- JSON object, the other columns
    cells        TEXT NOT NULL,      -- JSON object, all the input's own columns
    problems     TEXT NOT NULL,      -- JSON list of objects: code, field, value and parameters (bulk.problems)
    state        TEXT NOT NULL DEFAULT 'rejected', -- or conflict
    hidden       INTEGER NOT NULL DEFAULT 0,  -- 1: Codat has this customer, so the results show it instead of the rejection
    PRIMARY KEY (source, row)
) WITHOUT ROWID;

CREATE TABLE accepted (              -- conflicts that a person has accepted: they are no conflicts any more
    customer_id  TEXT NOT NULL,
    company_name TEXT NOT NULL,      -- in the row that was accepted
    code         TEXT NOT NULL,      -- of the problem (bulk.problems)
    found        TEXT NOT NULL,
    PRIMARY KEY (customer_id, company_name, code, found)
) WITHOUT ROWID;

CREATE TABLE corrected (             -- rejected rows that were corrected in another file
    cells       TEXT NOT NULL,       -- the rejected row as it was
    customer_id TEXT NOT NULL,       -- the customer of the corrected row
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
    stopped      TEXT                -- the reason if the run ended before its work was done
);

CREATE TABLE requests (              -- one row for each request, committed before the request leaves
    id             INTEGER PRIMARY KEY,
    run            INTEGER NOT NULL,
    customer       INTEGER,          -- customers.seq; null for a page of the company list
    step           TEXT,             -- company, connection, partner, ...
    operation      TEXT NOT NULL,    -- create_company, list_companies, ...
    key            TEXT,             -- Idempotency-Key of a POST
    body           TEXT,             -- of a POST: a request with the same key has the same body
    sent_at        REAL NOT NULL,
    answered_at    REAL,
    outcome        TEXT,             -- bulk.model.Outcome; null: unknown, the run ended before it was recorded
    status         INTEGER,
    correlation_id TEXT,
    error_code     TEXT,
    error          TEXT
);
CREATE TABLE holds (                 -- one row for each wait of a whole run: a Retry-After, the daily quota, an outage
    n     INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    why   TEXT NOT NULL
);

CREATE TABLE deliveries (            -- one row for each webhook event of a customer's connection, in order of arrival
    n             INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE, -- Codat's, the same for each delivery of an event
    customer      INTEGER NOT NULL,     -- customers.seq
    type          TEXT NOT NULL,        -- connection.connected, ...
    connection_id TEXT NOT NULL,
    generated_at  TEXT NOT NULL,        -- by Codat's clock; the latest event on a connection is the valid one
    received_at   TEXT NOT NULL,
    body          TEXT NOT NULL
);
CREATE INDEX deliveries_connection ON deliveries (connection_id);

CREATE TABLE findings (              -- the differences from Codat that the last verify found
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
