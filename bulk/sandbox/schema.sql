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
