-- create: The customers that a command works on, in order. The selection ends with the run.
CREATE TEMP TABLE IF NOT EXISTS selected (n INTEGER PRIMARY KEY, seq INTEGER NOT NULL);

-- clear: Start a new selection.
DELETE FROM temp.selected;

-- authorized: Select the customers that wait for a partner connection.
-- `listen` runs this often. Without the index, SQLite would read all customers in the order of the input.
INSERT INTO temp.selected (seq)
SELECT seq FROM customers INDEXED BY customers_linked
WHERE state = 'linked' AND partner_connection_id IS NULL ORDER BY source, row;

-- stale: Select the customers whose linkUrl expires soon or has expired, the oldest first.
INSERT INTO temp.selected (seq)
SELECT seq FROM customers
WHERE (state = 'link_ready' OR state = 'pending' AND connection_status = 'PendingAuth') AND presence <> 'removed'
      AND (link_url IS NULL OR instr(link_url, 'otp=') > 0) -- without a one-time password, it never expires
      AND (link_url IS NULL OR link_issued_at IS NULL
           OR CAST(strftime('%s', link_issued_at) AS INTEGER) + :lifetime <= :now + :margin)
ORDER BY link_issued_at, source, row LIMIT :most;

-- count_waiting: The number of customers who have a linkUrl or need one.
SELECT count(*) FROM customers WHERE state = 'link_ready' AND presence <> 'removed';

-- named_linked: Select the named customers that can be unlinked.
INSERT INTO temp.selected (seq)
SELECT seq FROM customers
WHERE connection_status = 'Linked' AND customer_id IN (SELECT customer_id FROM temp.named) ORDER BY source, row;

-- deletable: Select the customers whose companies this batch created and nobody has linked.
INSERT INTO temp.selected (seq)
SELECT seq FROM customers
WHERE company_origin = 'created' AND company_id IS NOT NULL AND partner_connection_id IS NULL
      AND (connection_status IS NULL OR connection_status IN ('PendingAuth', 'Deleted'))
ORDER BY source, row;

-- drop_unnamed: Keep only the named customers.
DELETE FROM temp.selected WHERE seq NOT IN (
    SELECT seq FROM customers WHERE customer_id IN (SELECT customer_id FROM temp.named));

-- page: The next selected customers.
SELECT n, seq FROM temp.selected WHERE n > :after ORDER BY n LIMIT :most;

-- records: The customers of such a page.
SELECT {columns} FROM temp.selected CROSS JOIN customers USING (seq) WHERE n > :after AND n <= :last ORDER BY n;

-- create_named: The customers that a command names.
CREATE TEMP TABLE IF NOT EXISTS named (customer_id TEXT PRIMARY KEY);

-- name: Add a named customer.
INSERT OR IGNORE INTO temp.named VALUES (:customer_id);

-- named_companies: The companies of the named customers.
SELECT company_id FROM customers
WHERE company_id IS NOT NULL AND customer_id IN (SELECT customer_id FROM temp.named);

-- count_companies: The number of customers with a company.
SELECT count(*) FROM customers WHERE company_id IS NOT NULL;
