-- create: The customers whose companies the current reading of the company list has shown.
CREATE TEMP TABLE IF NOT EXISTS shown (seq INTEGER PRIMARY KEY);

-- clear: Start a new reading.
DELETE FROM temp.shown;

-- mark: Record that the list shows a customer's company.
INSERT OR IGNORE INTO temp.shown VALUES (:seq);

-- create_missing: The customers whose company the reading has not shown, except those already marked as having lost it.
-- is_own_deletion: the outcome of this batch's request to delete the company is unknown, so it was probably done.
CREATE TEMP VIEW IF NOT EXISTS missing AS
SELECT seq, customer_id,
       EXISTS (SELECT 1 FROM requests WHERE customer = seq AND operation = 'delete_company'
                     AND coalesce(outcome, 'unknown') IN ('unknown', 'server_error')) AS is_own_deletion
FROM customers
WHERE company_id IS NOT NULL AND (connection_status IS NOT 'Deleted' OR error_step IS NOT 'company')
      AND seq NOT IN (SELECT seq FROM temp.shown);

-- missing: All of them.
SELECT seq, customer_id, is_own_deletion FROM temp.missing;

-- missing_named: Those of the named customers.
SELECT seq, customer_id, is_own_deletion FROM temp.missing
WHERE customer_id IN (SELECT customer_id FROM temp.named);

-- is_missing_any: Whether there are any.
SELECT EXISTS (SELECT 1 FROM temp.missing);

-- create_staged: The changes that the current reading has found. They are applied if the whole list can be trusted.
CREATE TEMP TABLE IF NOT EXISTS staged (seq INTEGER PRIMARY KEY, changes TEXT NOT NULL); -- JSON object

-- clear_staged: Forget the changes.
DELETE FROM temp.staged;

-- stage: Add the changes of a customer, or replace them.
INSERT OR REPLACE INTO temp.staged VALUES (:seq, :changes);

-- staged: The changes of a customer.
SELECT changes FROM temp.staged WHERE seq = :seq;

-- all_staged: The changes of all customers.
SELECT seq, changes FROM temp.staged ORDER BY seq;

-- lacking: The customers whose company somebody else must have removed, if the reading can be trusted.
SELECT customer_id FROM temp.missing WHERE NOT is_own_deletion ORDER BY seq;

-- count_known: The number of customers with a company, except those already marked as having lost it.
SELECT count(*) FROM customers
WHERE company_id IS NOT NULL AND (connection_status IS NOT 'Deleted' OR error_step IS NOT 'company');

-- missing_companies: All customers whose company the reading has not shown, in the order of the input.
SELECT customer_id, company_id, connection_id FROM customers
WHERE company_id IS NOT NULL AND seq NOT IN (SELECT seq FROM temp.shown) ORDER BY source, row;

-- batches: The batches from which this batch adopted companies; null for a company without a batch's tag.
SELECT DISTINCT company_batch FROM customers WHERE company_origin = 'adopted';
