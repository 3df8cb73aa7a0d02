-- From the journal of bulk's second version to the third, which knows when what has changed.

ALTER TABLE sources ADD COLUMN mapping TEXT NOT NULL DEFAULT '{}';

CREATE TABLE changes (
    n        INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL,
    run      INTEGER NOT NULL DEFAULT 0,
    at       TEXT NOT NULL,
    was      TEXT NOT NULL,
    now      TEXT NOT NULL
);
CREATE INDEX changes_of_customer ON changes (customer);
CREATE TRIGGER customers_changed AFTER UPDATE OF state ON customers WHEN OLD.state IS NOT NEW.state BEGIN
    INSERT INTO changes (customer, run, at, was, now)
    SELECT NEW.seq, coalesce(max(id), 0), max(coalesce(NEW.updated_at, ''), coalesce(started_at, '')), OLD.state, NEW.state
    FROM (SELECT id, started_at FROM runs ORDER BY id DESC LIMIT 1);
END;
-- When they came into their states was not written down; the last change of the row is the nearest that is known.
INSERT INTO changes (customer, at, was, now)
SELECT seq, updated_at, 'pending', state FROM customers WHERE state <> 'pending' AND updated_at IS NOT NULL
ORDER BY updated_at, seq;

CREATE TABLE strangers (
    tag TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE holds (
    n     INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    why   TEXT NOT NULL
);
