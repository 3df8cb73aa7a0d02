-- open: The wave that the next linkUrl belongs to.
SELECT n FROM waves WHERE n = (SELECT max(n) FROM waves) AND closed_at IS NULL;

-- begin: Begin the next wave.
INSERT INTO waves (n, begun_at) SELECT coalesce(max(n), 0) + 1, :at FROM waves;

-- add: Add a customer's new linkUrl to a wave.
INSERT INTO links (wave, customer) VALUES (:wave, :seq)
ON CONFLICT (wave, customer) DO UPDATE SET emailed_at = NULL, attempted = 0;

-- mark: Record the wave of the customer's last linkUrl.
UPDATE customers SET link_wave = :wave, first_issued_at = coalesce(first_issued_at, :at) WHERE seq = :seq;

-- unwritten: The first wave that no report has written, and the last one.
SELECT min(n), max(n) FROM waves WHERE NOT is_written;

-- join_links: Move the linkUrls of later waves into this one.
UPDATE OR REPLACE links SET wave = :wave WHERE wave > :wave;

-- join_customers: Do the same for the customers.
UPDATE customers SET link_wave = :wave WHERE link_wave > :wave;

-- drop_later: Drop the later waves.
DELETE FROM waves WHERE n > :wave;

-- close: Let the next linkUrl begin another wave.
UPDATE waves SET closed_at = :at WHERE n = :wave;

-- written: Record that a report has written the wave.
UPDATE waves SET is_written = 1 WHERE n = :wave;

-- closed: The waves that reports have written or begun to write.
SELECT n FROM waves WHERE closed_at IS NOT NULL ORDER BY n;

-- count_named: The number of named customers for whom a linkUrl was issued.
SELECT count(*) FROM customers
WHERE link_wave IS NOT NULL AND customer_id IN (SELECT customer_id FROM temp.named);

-- count_wave: The number of customers of a wave who have an address or were recorded as emailed; all if nobody has one.
SELECT count(*) FROM links JOIN customers ON seq = customer
WHERE wave = :wave AND (email IS NOT NULL OR emailed_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM links l JOIN customers c ON c.seq = l.customer
                         WHERE l.wave = :wave AND c.email IS NOT NULL));

-- without_address: The other customers of a wave.
SELECT customer_id FROM links JOIN customers ON seq = customer
WHERE wave = :wave AND email IS NULL AND emailed_at IS NULL ORDER BY seq;

-- email_named: Record that the last linkUrls of named customers were emailed.
UPDATE links SET emailed_at = :at
WHERE emailed_at IS NULL AND (wave, customer) IN (
    SELECT link_wave, seq FROM customers
    WHERE link_wave IS NOT NULL AND customer_id IN (SELECT customer_id FROM temp.named));

-- email_wave: Record that the linkUrls of a wave were emailed, to the customers who have an address. If nobody has one,
-- the user has the addresses elsewhere.
UPDATE links SET emailed_at = :at
WHERE emailed_at IS NULL AND wave = :wave
      AND ((SELECT email FROM customers WHERE seq = customer) IS NOT NULL OR NOT EXISTS (SELECT 1 FROM links l JOIN customers c ON c.seq = l.customer
                         WHERE l.wave = :wave AND c.email IS NOT NULL));
