-- What a sandbox remembers. n counts in order of creation, which is the order of every list.
CREATE TABLE IF NOT EXISTS meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS company (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT,
    created TEXT NOT NULL,
    tags TEXT NOT NULL -- JSON
);

-- The same tags once more, so that a company is found by one of them.
CREATE TABLE IF NOT EXISTS tag (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    company INTEGER NOT NULL,
    PRIMARY KEY (key, value, company)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS connection (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    company INTEGER NOT NULL,
    platform_key TEXT NOT NULL,
    source_type TEXT NOT NULL,
    status TEXT NOT NULL,
    created TEXT NOT NULL,
    last_sync TEXT,
    otp TEXT NOT NULL,
    otp_minted REAL NOT NULL,
    otp_spent INTEGER NOT NULL DEFAULT 0,
    errors TEXT NOT NULL DEFAULT '[]' -- JSON
);
CREATE INDEX IF NOT EXISTS connection_of_company ON connection (company);
CREATE INDEX IF NOT EXISTS connection_linked ON connection (company)
    WHERE status = 'Linked' AND source_type = 'Accounting';

-- The first answer to each Idempotency-Key.
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    body BLOB NOT NULL,
    kept_at REAL NOT NULL
);

-- Connections that a customer made on the page behind a link, and not the client: no duplicates of the client's.
CREATE TABLE IF NOT EXISTS chosen (
    connection INTEGER PRIMARY KEY
);

-- What was before, for lists that lag: statuses that are over, and what is deleted.
CREATE TABLE IF NOT EXISTS past_status (
    connection INTEGER NOT NULL,
    status TEXT NOT NULL,
    until TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS past_status_of_connection ON past_status (connection, until);
CREATE TABLE IF NOT EXISTS deleted_company (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    created TEXT NOT NULL,
    tags TEXT NOT NULL,
    until TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deleted_connection (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    company INTEGER NOT NULL,
    platform_key TEXT NOT NULL,
    source_type TEXT NOT NULL,
    status TEXT NOT NULL,
    created TEXT NOT NULL,
    last_sync TEXT,
    otp TEXT NOT NULL,
    otp_minted REAL NOT NULL,
    otp_spent INTEGER NOT NULL,
    errors TEXT NOT NULL,
    until TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS deleted_connection_of_company ON deleted_connection (company);

-- The events of webhooks. `due` is a monotonic time of the server that runs, `place` the order of sending.
CREATE TABLE IF NOT EXISTS event (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, -- the webhook-id
    type TEXT NOT NULL,
    connection TEXT NOT NULL,
    body BLOB NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending', -- pending, delivered, failed; of forgeries: believed, refused
    attempts INTEGER NOT NULL DEFAULT 0,
    asked INTEGER NOT NULL DEFAULT 1, -- times it was to be sent
    tries INTEGER NOT NULL DEFAULT 0, -- attempts since it was last asked for
    due REAL NOT NULL DEFAULT 0,
    place INTEGER,
    answer TEXT, -- what the last attempt came to
    forgery TEXT
);
CREATE INDEX IF NOT EXISTS event_pending ON event (place, due) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS event_of_connection ON event (connection);
