-- get: One fact.
SELECT value FROM batch WHERE key = :key;

-- get_all: All facts.
SELECT key, value FROM batch;

-- put: Store a fact, in place of an older one with the same name.
INSERT INTO batch (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;
