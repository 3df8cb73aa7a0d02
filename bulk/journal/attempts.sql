-- recent: The times of the latest requests, the newest first.
SELECT sent_at, answered_at FROM requests ORDER BY id DESC LIMIT :limit;

-- lost_renewal: When the newest request left that renews a linkUrl and has no response. Those of a run that was killed
-- are among the latest.
SELECT max(sent_at) FROM (SELECT operation, outcome, sent_at FROM requests ORDER BY id DESC LIMIT 2000)
WHERE operation IN ('get_connection', 'list_connections') AND coalesce(outcome, 'unknown') = 'unknown';

-- record_intent: Record a request that is about to leave.
INSERT INTO requests (run, customer, step, operation, key, body, sent_at)
VALUES (:run, :customer, :step, :operation, :key, :body, :sent_at);

-- record_outcome: Record the result of a request.
UPDATE requests
SET outcome = :outcome, answered_at = :answered_at, status = :status, correlation_id = :correlation_id,
    error_code = :error_code, error = :error
WHERE id = :request;

-- attempts: The attempts for some customers, the oldest first.
SELECT customer, step, key, body, sent_at, outcome, status, run FROM requests
WHERE customer IN (SELECT value FROM json_each(:customers)) AND step IS NOT NULL ORDER BY id;
