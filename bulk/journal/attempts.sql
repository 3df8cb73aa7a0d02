-- recent: The times of the latest requests, the newest first.
SELECT sent_at, answered_at FROM requests ORDER BY id DESC LIMIT :limit;

-- record_intent: Record a request that is about to leave. Each request needs this statement and the next one, and
-- values without names take less time.
INSERT INTO requests (run, customer, step, operation, key, body, sent_at)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- record_outcome: Record the result of a request.
UPDATE requests
SET outcome = ?, answered_at = ?, status = ?, correlation_id = ?, error_code = ?, error = ?
WHERE id = ?;

-- attempts: The attempts for some customers, the oldest first.
SELECT customer, step, key, body, sent_at, outcome, status, run, correlation_id FROM requests
WHERE customer IN (SELECT value FROM json_each(:customers)) AND step IS NOT NULL ORDER BY id;
