-- change: Change columns of one customer, and add to its number of requests.
UPDATE customers SET attempts = attempts + ?, {assignments} WHERE seq = ?;

-- count_attempts: Add to the number of requests of a customer who does not change.
UPDATE customers SET attempts = attempts + :attempts WHERE seq = :seq;

-- show_rejection: Show again the rejected row that was hidden by a customer who is now forgotten.
UPDATE rejections SET hidden = 0
WHERE (source, row) IN (SELECT source, row FROM customers WHERE seq = :seq AND presence = 'invalid');

-- forget: Forget a customer.
DELETE FROM customers WHERE seq = :seq AND company_origin IS NOT 'undone';

-- set_aside: A customer whose company undo has deleted stays known, so that its company is not created again.
UPDATE customers SET presence = 'removed' WHERE seq = :seq;

-- begun: The next pending customers for whom something was sent, with any outcome.
SELECT {columns} FROM customers
WHERE state = 'pending' AND name_sent IS NOT NULL AND seq > :after
      AND (:source IS NULL OR (source, row) < (:source, :row))
ORDER BY seq LIMIT :most;

-- untouched: The next pending customers for whom nothing was sent yet.
SELECT {columns} FROM customers
WHERE state = 'pending' AND name_sent IS NULL AND presence = 'present' AND company_origin IS NOT 'undone'
      AND seq > :after
      AND (:source IS NULL OR (source, row) < (:source, :row))
ORDER BY seq LIMIT :most;

-- limit: The place in the input of the first customer beyond a limit.
SELECT source, row FROM customers WHERE presence = 'present' ORDER BY source, row LIMIT 1 OFFSET :limit;

-- count_pending: The number of customers with work left to do.
SELECT count(*) FROM customers
WHERE state = 'pending' AND (presence = 'present' OR name_sent IS NOT NULL) AND company_origin IS NOT 'undone'
      AND (:source IS NULL OR (source, row) < (:source, :row));

-- count_undone: The number of customers whose company undo has deleted.
SELECT count(*) FROM customers WHERE state = 'pending' AND presence = 'present' AND company_origin = 'undone';

-- count_without_link: The number of customers who wait for their link, and whose journal does not have it.
SELECT count(*) FROM customers
WHERE state = 'pending' AND presence = 'present' AND connection_status = 'PendingAuth' AND link_url IS NULL;

-- count: The number of customers, without those removed from the input before anything was sent for them.
SELECT (SELECT count(*) FROM customers)
    - (SELECT count(*) FROM customers WHERE presence <> 'present' AND name_sent IS NULL);

-- count_done: The number of customers for whom nothing is left to do, and nothing went wrong.
SELECT count(*) FROM customers WHERE state NOT IN ('pending', 'conflict', 'failed')
      AND (:source IS NULL OR (source, row) < (:source, :row));

-- count_complete: The number of customers with a partner connection.
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

-- by_company: The customer with this company. It reads the whole table, for the rare company without tags.
SELECT {columns} FROM customers WHERE company_id = :company_id LIMIT 1;

-- by_companies: The customers with these companies; needs the index below.
SELECT {columns} FROM customers WHERE seq IN (
    SELECT seq FROM temp.companies WHERE company_id IN (SELECT value FROM json_each(:values)));

-- drop_company_index: Prepare for the index below.
DROP TABLE IF EXISTS temp.companies;

-- copy_companies: Customers by company. Only a list of all companies needs it; a permanent index would slow migrations.
CREATE TEMP TABLE companies AS SELECT company_id, seq FROM customers WHERE company_id IS NOT NULL;

-- add_company: Add a customer's company.
INSERT INTO temp.companies (company_id, seq) VALUES (:company_id, :seq);

-- index_companies: The index itself.
CREATE INDEX temp.companies_id ON companies (company_id);

-- has_requested: Whether a company was ever requested.
SELECT EXISTS (SELECT 1 FROM requests WHERE step = 'company');
