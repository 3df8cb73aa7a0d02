-- change: Change columns of one customer, and count its requests.
UPDATE customers SET attempts = attempts + :attempts, {assignments} WHERE seq = :seq;

-- count_attempts: Count the requests of a customer who does not change.
UPDATE customers SET attempts = attempts + :attempts WHERE seq = :seq;

-- show_rejection: Show the rejected row again that stood behind a customer who is forgotten.
UPDATE rejections SET hidden = 0
WHERE (source, row) IN (SELECT source, row FROM customers WHERE seq = :seq AND presence = 'invalid');

-- forget: Forget a customer.
DELETE FROM customers WHERE seq = :seq;

-- begun: The next pending customers for whom something was sent, whatever became of it.
SELECT {columns} FROM customers
WHERE state = 'pending' AND name_sent IS NOT NULL AND seq > :after
      AND (:source IS NULL OR (source, row) < (:source, :row))
ORDER BY seq LIMIT :most;

-- untouched: The next pending customers for whom nothing was sent yet.
SELECT {columns} FROM customers
WHERE state = 'pending' AND name_sent IS NULL AND presence = 'present' AND seq > :after
      AND (:source IS NULL OR (source, row) < (:source, :row))
ORDER BY seq LIMIT :most;

-- limit: The place in the input of the first customer beyond a limit.
SELECT source, row FROM customers WHERE presence = 'present' ORDER BY source, row LIMIT 1 OFFSET :limit;

-- count_pending: How many customers have something left to do.
SELECT count(*) FROM customers
WHERE state = 'pending' AND (presence = 'present' OR name_sent IS NOT NULL)
      AND (:source IS NULL OR (source, row) < (:source, :row));

-- count: How many customers there are, without those that left the input before anything was sent for them.
SELECT (SELECT count(*) FROM customers)
    - (SELECT count(*) FROM customers WHERE presence <> 'present' AND name_sent IS NULL);

-- count_complete: How many customers have their partner connection.
SELECT count(*) FROM customers WHERE state = 'complete';

-- may_have_company: Whether Codat has a company of the batch, or may have one.
SELECT EXISTS (SELECT 1 FROM customers WHERE company_id IS NOT NULL OR name_sent IS NOT NULL);

-- has_authorized: Whether a customer waits for a partner connection.
SELECT EXISTS (SELECT 1 FROM customers WHERE state = 'linked' AND partner_connection_id IS NULL);

-- by_seq: One customer.
SELECT {columns} FROM customers WHERE seq = :seq;

-- by_tags: The customers whose companies carry these tags.
SELECT {columns} FROM customers WHERE tag IN (SELECT value FROM json_each(:values));

-- by_ids: The customers with these identifiers.
SELECT {columns} FROM customers WHERE customer_id IN (SELECT value FROM json_each(:values));

-- by_company: The customer with this company. Reads the whole table: for the rare company without tags.
SELECT {columns} FROM customers WHERE company_id = :company_id LIMIT 1;

-- by_companies: The customers with these companies; needs the index below.
SELECT {columns} FROM customers WHERE seq IN (
    SELECT seq FROM temp.companies WHERE company_id IN (SELECT value FROM json_each(:values)));

-- drop_company_index: Prepare for the index below.
DROP TABLE IF EXISTS temp.companies;

-- copy_companies: Customers by company. Only a whole list needs it: a lasting index would cost every migration.
CREATE TEMP TABLE companies AS SELECT company_id, seq FROM customers WHERE company_id IS NOT NULL;

-- index_companies: The index itself.
CREATE INDEX temp.companies_id ON companies (company_id);
