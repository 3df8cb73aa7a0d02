-- create_accepting: The customers whose conflicts are to be accepted.
CREATE TEMP TABLE IF NOT EXISTS accepting (customer_id TEXT PRIMARY KEY) WITHOUT ROWID;

-- clear_accepting: Forget those of an earlier call.
DELETE FROM temp.accepting;

-- accept: Add a customer.
INSERT OR IGNORE INTO temp.accepting VALUES (:customer_id);

-- recorded: The conflicts of these customers that the batch has shown, and that a person can accept.
CREATE TEMP TABLE recorded AS
SELECT r.customer_id, r.company_name, value ->> 'code' AS code, value ->> 'found' AS found
FROM rejections r, json_each(r.problems)
WHERE r.state = 'conflict' AND r.customer_id IN (SELECT customer_id FROM temp.accepting)
UNION
SELECT c.customer_id, c.company_name, value ->> 'code', value ->> 'found'
FROM customers c, json_each(c.conflict)
WHERE c.state = 'conflict' AND c.customer_id IN (SELECT customer_id FROM temp.accepting)
      AND value ->> 'code' <> 'other_owner';

-- remember: Remember them.
INSERT OR IGNORE INTO accepted (customer_id, company_name, code, found)
SELECT customer_id, company_name, code, found FROM temp.recorded;

-- not_recorded: The customers of whom no conflict was ever recorded and accepted.
SELECT customer_id FROM temp.accepting EXCEPT SELECT customer_id FROM accepted ORDER BY customer_id;

-- drop_recorded: Forget the conflicts that were recorded for an earlier call.
DROP TABLE IF EXISTS temp.recorded;

-- is_accepted: Whether a conflict of a customer, with its present name, is accepted.
SELECT EXISTS (
    SELECT 1 FROM accepted a JOIN customers c USING (customer_id, company_name)
    WHERE (a.customer_id, a.code, a.found) = (:customer_id, :code, :found));

-- hold_other_customers: Hold the rows whose customer may be another one with the same identifier.
-- Codat has the customer from another file, or may have it, and the name and the platform or the email differ. A row of
-- our rejects file that corrects the customer's own row is no such row.
UPDATE incoming SET
    is_accepted = 0, state = 'conflict',
    cells = cells_of(:fields, incoming.extra, incoming.customer_id, incoming.company_name, incoming.platform,
                     incoming.email, incoming.description),
    problems = json_array(json_object('code', 'other_customer', 'field', 'customer_id',
                                      'value', incoming.customer_id, 'found', c.company_name))
FROM customers c
WHERE incoming.is_accepted AND c.customer_id = incoming.customer_id AND c.source <> :source
      AND (c.company_id IS NOT NULL OR c.name_sent IS NOT NULL) AND c.name <> incoming.name
      AND (c.platform_key <> incoming.platform_key OR c.email IS NOT incoming.email)
      AND NOT EXISTS (SELECT 1 FROM temp.rejected r
                      WHERE r.number = incoming.corrects AND r.customer_id = c.customer_id AND r.source = c.source)
      AND NOT EXISTS (SELECT 1 FROM accepted a
                      WHERE (a.customer_id, a.company_name, a.code, a.found)
                            = (c.customer_id, incoming.company_name, 'other_customer', c.company_name));

-- drop_rejected_spellings: Forget the identifiers of an earlier file.
DROP TABLE IF EXISTS temp.rejected_spellings;

-- create_rejected_spellings: The identifiers of rejected rows that no customer has, unless the identifier was the fault.
CREATE TEMP TABLE rejected_spellings AS
SELECT customer_id, spelling_key(customer_id) AS key, source
FROM rejections r
WHERE state = 'rejected' AND (SELECT count(*) FROM sources) > 1
      AND NOT EXISTS (SELECT 1 FROM json_each(r.problems) WHERE value ->> 'field' IN ('customer_id', 'row'))
      AND NOT EXISTS (SELECT 1 FROM customers k WHERE k.customer_id = r.customer_id);

-- index_rejected_keys: To find them by their keys.
CREATE INDEX temp.rejected_spellings_keys ON rejected_spellings (key);

-- index_rejected_customers: To find them by themselves.
CREATE INDEX temp.rejected_spellings_customers ON rejected_spellings (customer_id);

-- spellings: The customers of this file for whom nothing was sent, each with an identifier that is not in the file and
-- is another spelling of the same one. A row that was rejected in another file has its identifier too.
WITH missing AS NOT MATERIALIZED (
    SELECT customer_id, coalesce(spelling, customer_id) AS key, NULL AS rejected_in
    FROM customers WHERE enrolment <> :run
    UNION ALL
    SELECT customer_id, key, source FROM temp.rejected_spellings)
SELECT n.customer_id, m.customer_id
FROM missing m CROSS JOIN customers n ON n.customer_id = m.key
WHERE n.enrolment = :run AND n.name_sent IS NULL AND n.company_id IS NULL AND m.rejected_in IS NOT n.source
UNION
SELECT n.customer_id, m.customer_id
FROM missing m CROSS JOIN customers n ON n.spelling = m.key
WHERE n.enrolment = :run AND n.name_sent IS NULL AND n.company_id IS NULL AND m.rejected_in IS NOT n.source;

-- rounded: The identifiers that may be numbers without all their digits, or that programs read as numbers (`1E5`): those
-- of this file for which nothing was sent, or those that are not in it.
SELECT customer_id, coalesce(spelling, customer_id) FROM customers
WHERE (spelling >= '~' OR length(coalesce(spelling, customer_id)) > 15 OR customer_id GLOB '[1-9]*[Ee][0-9]*')
      AND iif(:is_new, enrolment = :run AND name_sent IS NULL AND company_id IS NULL, enrolment <> :run)
UNION ALL
SELECT customer_id, key FROM temp.rejected_spellings
WHERE NOT :is_new AND (key >= '~' OR length(key) > 15 OR key GLOB '[1-9]*[Ee][0-9]*');

-- in_range: The identifiers on the other side that are whole numbers in a range.
SELECT customer_id FROM customers
WHERE {is_in_range}
      AND iif(:is_new, enrolment = :run AND name_sent IS NULL AND company_id IS NULL, enrolment <> :run)
UNION ALL
SELECT customer_id FROM temp.rejected_spellings
WHERE NOT :is_new AND key BETWEEN :low AND :high AND length(key) = length(:low);

-- with_keys: The identifiers on the other side with these keys.
SELECT customer_id FROM customers
WHERE {has_key}
      AND iif(:is_new, enrolment = :run AND name_sent IS NULL AND company_id IS NULL, enrolment <> :run)
UNION ALL
SELECT customer_id FROM temp.rejected_spellings WHERE NOT :is_new AND key IN (SELECT value FROM json_each(:keys));

-- is_in_same_file: Whether a row was rejected in the file of this customer. Then they are two customers.
SELECT EXISTS (SELECT 1 FROM temp.rejected_spellings r JOIN customers n USING (source)
               WHERE r.customer_id = :known AND n.customer_id = :customer_id);

-- hold: Hold a customer for whom nothing was sent: its row becomes a conflict.
INSERT OR REPLACE INTO rejections
    (source, row, customer_id, company_name, platform, email, extra, cells, problems, state)
SELECT source, row, customer_id, company_name, platform, email, extra,
       cells_of(:fields, extra, customer_id, company_name, platform, email, description), :problems, 'conflict'
FROM customers WHERE customer_id = :customer_id;

-- forget: Forget the customer itself.
DELETE FROM customers WHERE customer_id = :customer_id RETURNING seq;

-- create_shown: The customers whose conflict the current reading of the company list has shown.
CREATE TEMP TABLE IF NOT EXISTS shown_conflicts (seq INTEGER PRIMARY KEY);

-- clear_shown: Start a new reading.
DELETE FROM temp.shown_conflicts;

-- mark_shown: Record that the list shows a customer's conflict.
INSERT OR IGNORE INTO temp.shown_conflicts VALUES (:seq);

-- not_shown: The customers whose conflict the reading has not shown, with the damage that would be sent.
SELECT seq, iif(name_sent IS NULL, damage, NULL) FROM customers
WHERE state = 'conflict' AND conflict IS NOT damage AND seq NOT IN (SELECT seq FROM temp.shown_conflicts);

-- has_any: Whether a customer is in conflict with a company in Codat, or may be. Damaged text is a conflict whatever Codat
-- has: the company list has no news for it once it was read, unless a person has accepted something since.
SELECT EXISTS (SELECT 1 FROM customers WHERE state = 'conflict' AND (
    conflict IS NOT damage OR :accepts OR NOT EXISTS (SELECT 1 FROM batch WHERE key = 'list_read_at')));

-- unsent: The customers for whom nothing was sent and whose identifiers are spellings with these keys.
SELECT seq FROM customers
WHERE {has_key}
      AND customer_id <> :customer_id AND name_sent IS NULL AND company_id IS NULL AND presence = 'present';

-- same_spellings: Among the customers of a run's file: the first one whose identifier is another spelling of that of an
-- earlier row, with that row, and the number of all such customers.
-- A key is its own key, so the customer whose identifier is the key has no other spelling.
WITH members AS (
    SELECT spelling AS key, seq, source, row FROM customers WHERE spelling IS NOT NULL AND enrolment = :run
    UNION ALL
    SELECT customer_id, seq, source, row FROM customers
    WHERE enrolment = :run AND customer_id IN (SELECT spelling FROM customers WHERE spelling IS NOT NULL)),
numbered AS (
    SELECT seq, first_value(seq) OVER (PARTITION BY key ORDER BY source, row) AS first_seq FROM members)
SELECT later.row + of_later.shift AS row, later.customer_id, first.row + of_first.shift AS first_row,
       first.customer_id AS first_customer_id, count(*) OVER () AS customers
FROM numbered
JOIN customers later USING (seq) JOIN sources of_later ON of_later.id = later.source
JOIN customers first ON first.seq = first_seq JOIN sources of_first ON of_first.id = first.source
WHERE numbered.seq <> first_seq ORDER BY later.source, later.row LIMIT 1;

-- index_held: Find rows for which nothing is sent by customer.
CREATE INDEX rejections_customer ON rejections (customer_id);
