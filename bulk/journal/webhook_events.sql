-- add: Store an event unless it was delivered before.
INSERT OR IGNORE INTO deliveries (id, customer, type, connection_id, generated_at, received_at, body)
VALUES (:id, :seq, :type, :connection_id, :generated_at, :received_at, :body);

-- unprocessed: The events after the last one applied, except those that a newer event on the same connection supersedes.
SELECT customer, body FROM deliveries d
WHERE n > :last AND NOT EXISTS (
    SELECT 1 FROM deliveries newer WHERE newer.connection_id = d.connection_id
        AND (newer.generated_at, newer.n) > (d.generated_at, d.n))
ORDER BY generated_at, n;

-- newest_at: The time of the newest event on a connection.
SELECT max(generated_at) FROM deliveries WHERE connection_id = :connection_id;

-- newest: The number of the newest event.
SELECT coalesce(max(n), 0) FROM deliveries;
