-- The state of a sandbox. n counts in order of creation, which is the order of every list.
BEGIN;
PRAGMA user_version = 2;

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE company (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT,
    created TEXT NOT NULL,
    tags TEXT NOT NULL, -- JSON
    until TEXT -- when it was deleted
);

-- The same tags again, so that a tag finds its companies.
CREATE TABLE tag (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    company INTEGER NOT NULL,
    PRIMARY KEY (key, value, company)
) WITHOUT ROWID;

CREATE TABLE connection (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    company INTEGER NOT NULL,
    platform_key TEXT NOT NULL,
    source_type TEXT NOT NULL,
    status TEXT NOT NULL,
    created TEXT NOT NULL,
    otp TEXT NOT NULL, -- the one-time password that was minted last
    otp_minted REAL NOT NULL,
    otp_spent INTEGER NOT NULL DEFAULT 0,
    errors TEXT NOT NULL DEFAULT '[]', -- JSON
    until TEXT -- when it was deleted
);
CREATE INDEX connection_of_company ON connection (company);
CREATE INDEX connection_linked ON connection (company) WHERE status = 'Linked' AND source_type = 'Accounting';

-- The statuses that connections had earlier, for lists that lag.
CREATE TABLE past_status (
    connection INTEGER NOT NULL,
    status TEXT NOT NULL,
    until TEXT NOT NULL
);
CREATE INDEX past_status_of_connection ON past_status (connection, until);

-- The first response to each Idempotency-Key.
CREATE TABLE response (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    body BLOB NOT NULL,
    kept_at REAL NOT NULL
);

-- The events of webhooks. `due` is a monotonic time of the server that runs.
CREATE TABLE event (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, -- the webhook-id
    type TEXT NOT NULL,
    connection TEXT NOT NULL,
    body BLOB NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending', -- pending, delivered
    tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    answer TEXT -- the result of the last attempt
);
CREATE INDEX event_pending ON event (due, n) WHERE status = 'pending';
CREATE INDEX event_of_connection ON event (connection);

COMMIT;
