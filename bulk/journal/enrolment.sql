-- digests: The digests of the batch's files.
SELECT digest FROM sources;

-- is_row_held: Whether a row of the input is held.
SELECT EXISTS (SELECT 1 FROM rejections WHERE state = 'conflict');

-- count_all: The numbers of customers, of those without a valid row in the input, of those removed, of rejected rows,
-- and of rows in conflict.
-- The second and third use an index, so that this does not read a million rows.
SELECT (SELECT count(*) FROM customers),
       (SELECT count(*) FROM customers WHERE presence <> 'present'),
       (SELECT count(*) FROM customers WHERE presence <> 'present' AND presence = 'removed'
            AND company_origin IS NOT 'undone'),
       (SELECT count(*) FROM rejections WHERE state = 'rejected'),
       (SELECT count(*) FROM rejections WHERE state = 'conflict')
           + (SELECT count(*) FROM customers WHERE state = 'conflict');

-- count_rows: The numbers of rejected rows and of all rows that the results show.
SELECT (SELECT count(*) FROM rejections WHERE hidden = 0 AND state = 'rejected'),
       (SELECT count(*) FROM rejections WHERE hidden = 0)
           + (SELECT count(*) FROM customers
              WHERE presence <> 'removed' OR company_id IS NOT NULL OR name_sent IS NOT NULL);

-- is_known_path: Whether the batch has a file at this path or with this content, or no file yet.
SELECT EXISTS (SELECT 1 FROM sources WHERE path = :path OR digest = :digest) OR NOT EXISTS (SELECT 1 FROM sources);

-- has_content: Whether the batch has a file with this content.
SELECT EXISTS (SELECT 1 FROM sources WHERE digest = :digest);

-- id_of_content: The file with this content.
SELECT min(id) FROM sources WHERE digest = :digest;

-- find_source: The file, if the batch has it.
SELECT id FROM sources WHERE digest = :digest OR (path = :path AND NOT :is_rejects_file) ORDER BY id LIMIT 1;

-- add_source: Add a file.
INSERT INTO sources (path, digest, columns, extras, mapping, fields, rows, shift)
VALUES (:path, :digest, :columns, :extras, :mapping, :fields, 0, 0);

-- update_source: Update a file that was perhaps edited.
UPDATE sources SET path = :path, digest = :digest, columns = :columns, extras = :extras, mapping = :mapping,
    fields = :fields
WHERE id = :source;

-- drop_rejections: Drop its rejected rows, which are enrolled again.
DELETE FROM rejections WHERE source = :source;

-- last_seq: The number of the newest customer.
SELECT coalesce(max(seq), 0) FROM customers;

-- is_first: Whether this is the batch's first file.
SELECT NOT EXISTS (SELECT 1 FROM sources WHERE id < :source);

-- set_rows: Store the number of rows of the file.
UPDATE sources SET rows = :rows WHERE id = :source;

-- set_shifts: The reports number the rows of all files in one sequence.
UPDATE sources SET shift = (SELECT coalesce(sum(s.rows), 0) FROM sources s WHERE s.id < sources.id);

-- drop_incoming: Drop the table of an earlier enrolment.
DROP TABLE IF EXISTS temp.incoming;

-- create_incoming: The part of the file that is being enrolled.
-- `corrects` is the row's number in our rejects file. `state` is that of a row which is not accepted. `damage` is a JSON
-- list with one problem if the row's text was damaged, and `restored_name` the name that Codat would store otherwise.
CREATE TEMP TABLE incoming (
    row INTEGER PRIMARY KEY, is_accepted, customer_id, company_name, name, platform, platform_key, email, description,
    extra, cells, problems, corrects, state DEFAULT 'rejected', damage, restored_name
);

-- empty_incoming: Make room for the next part.
DELETE FROM incoming;

-- add_accepted: Add an accepted row.
INSERT INTO incoming (row, customer_id, company_name, name, platform, platform_key, email, description, extra, corrects,
                      damage, restored_name, is_accepted)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1);

-- add_rejected: Add a rejected row.
INSERT INTO incoming (row, customer_id, company_name, platform, email, extra, cells, problems, corrects, is_accepted)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0);

-- reject_duplicates: A corrected row whose identifier belongs to another row of the batch stays rejected.
UPDATE incoming SET is_accepted = 0, cells = r.cells, problems = json_array(json_object(
    'code', 'customer_id_in_batch', 'field', 'customer_id', 'value', incoming.customer_id))
FROM places p JOIN rejected r ON r.source = p.place_source AND r.row = p.place_row
WHERE p.row = incoming.row AND incoming.is_accepted AND incoming.corrects IS NOT NULL AND EXISTS (
    SELECT 1 FROM customers c
    WHERE c.customer_id = incoming.customer_id AND c.presence <> 'removed'
          AND (c.source, c.row) <> (p.place_source, p.place_row));

-- compare: The numbers of accepted rows of new customers, of accepted rows without a change, and of all accepted rows;
-- of customers whom Codat may have; and of those among them that may be other customers by now, because the name and the
-- platform or the email differ.
SELECT count(*) FILTER (WHERE c.seq IS NULL),
       count(*) FILTER (WHERE c.presence <> 'removed' AND c.company_name = t.company_name
           AND c.platform_key = t.platform_key AND c.email IS t.email AND c.description IS t.description
           AND c.extra = t.extra),
       count(*),
       count(*) FILTER (WHERE c.name_sent IS NOT NULL OR c.company_id IS NOT NULL),
       count(*) FILTER (WHERE (c.name_sent IS NOT NULL OR c.company_id IS NOT NULL) AND c.name <> t.name
           AND (c.platform_key <> t.platform_key OR c.email IS NOT t.email))
FROM incoming t LEFT JOIN customers c USING (customer_id)
WHERE t.is_accepted;

-- remember_corrections: Store the customers of corrected rows, in case the file with the uncorrected rows is read again.
-- A valid row corrects the rejected row in its place. It also corrects rejected rows of later files about its customer,
-- but a row held in conflict only if it comes from our own file with corrections.
INSERT OR IGNORE INTO corrected (cells, customer_id)
SELECT r.cells, t.customer_id
FROM incoming t CROSS JOIN places p USING (row) CROSS JOIN rejected r ON r.source = p.place_source AND r.row = p.place_row
WHERE t.is_accepted
UNION ALL
SELECT r.cells, t.customer_id FROM incoming t CROSS JOIN rejected r USING (customer_id)
WHERE t.is_accepted AND r.is_known AND (t.corrects IS NOT NULL OR NOT r.is_held);

-- drop_corrected: The same rows are no longer rejected.
DELETE FROM rejections WHERE (source, row) IN (
    SELECT p.place_source, p.place_row FROM incoming t CROSS JOIN places p USING (row) WHERE t.is_accepted
    UNION ALL
    SELECT r.source, r.row FROM incoming t CROSS JOIN rejected r USING (customer_id)
    WHERE t.is_accepted AND r.is_known AND (t.corrects IS NOT NULL OR NOT r.is_held));

-- close_corrected: No other row can take the place of a rejected row about one of these customers.
DELETE FROM rejected WHERE is_known AND customer_id IN (SELECT customer_id FROM incoming WHERE is_accepted);

-- enrol_customers: Turn accepted rows into customers. A failed customer is pending again if a value to send has changed.
-- A damaged name never becomes the name to send of a customer that Codat has, or may have.
INSERT INTO customers (source, row, enrolment, customer_id, spelling, tag, company_name, name, platform, platform_key,
                       email, description, extra, damage)
SELECT coalesce(p.place_source, :source), coalesce(p.place_row, t.row), :run, t.customer_id,
       nullif(spelling_key(t.customer_id), t.customer_id), customer_tag(t.customer_id, :system), t.company_name, t.name,
       t.platform, t.platform_key, t.email, t.description, t.extra, t.damage
FROM incoming t LEFT JOIN places p USING (row)
WHERE t.is_accepted ORDER BY t.row
ON CONFLICT (customer_id) DO UPDATE SET
    source = excluded.source, row = excluded.row, enrolment = excluded.enrolment, presence = 'present',
    state = CASE WHEN state = 'failed' AND (name <> excluded.name AND excluded.damage IS NULL OR platform_key <> excluded.platform_key
                 OR description IS NOT excluded.description) THEN 'pending' ELSE state END,
    company_name = excluded.company_name,
    name = CASE WHEN excluded.damage IS NOT NULL AND (company_id IS NOT NULL OR name_sent IS NOT NULL)
                THEN name ELSE excluded.name END,
    platform = excluded.platform, platform_key = excluded.platform_key, email = excluded.email,
    description = excluded.description, extra = excluded.extra, damage = excluded.damage;

-- enrol_rejections: Store the rejected rows. One in the place of an earlier rejected row replaces it.
INSERT INTO rejections (source, row, customer_id, company_name, platform, email, extra, cells, problems, state)
SELECT coalesce(p.place_source, :source), coalesce(p.place_row, t.row), t.customer_id, t.company_name, t.platform,
       t.email, t.extra, t.cells, t.problems, t.state
FROM incoming t LEFT JOIN places p USING (row)
WHERE NOT t.is_accepted
ON CONFLICT (source, row) DO UPDATE SET
    customer_id = excluded.customer_id, company_name = excluded.company_name, platform = excluded.platform,
    email = excluded.email, extra = excluded.extra, cells = excluded.cells, problems = excluded.problems,
    state = excluded.state;

-- tag_customers: Give the customers the tags of a source system.
UPDATE customers SET tag = customer_tag(customer_id, :system);

-- drop_kept: Drop the table of an earlier enrolment.
DROP TABLE IF EXISTS temp.kept;

-- find_kept: The rejected rows of this file that were corrected in another one, and their customers.
-- Equal rows have different customers. A customer that came from several rows takes the place of one of them.
CREATE TEMP TABLE kept AS
WITH uncorrected AS (
    SELECT row, customer_id, cells, row_number() OVER (PARTITION BY cells ORDER BY row) AS nth
    FROM rejections WHERE source = :source AND cells IN (SELECT cells FROM corrected)),
became AS (
    SELECT cells, customer_id, source,
           row_number() OVER (PARTITION BY cells ORDER BY presence = 'removed', seq) AS nth
    FROM corrected JOIN customers USING (customer_id) WHERE source < :source OR enrolment <> :run),
pairs AS (
    SELECT b.customer_id, b.source, u.row,
           row_number() OVER (PARTITION BY b.customer_id ORDER BY u.customer_id IS NOT b.customer_id, u.row) AS nth_row
    FROM uncorrected u JOIN became b USING (cells, nth))
SELECT customer_id, source, row FROM pairs WHERE nth_row = 1;

-- keep_customers: Put them in the place of those rows. A customer with a place in an earlier file keeps it.
UPDATE customers SET source = :source, row = kept.row, enrolment = :run, presence = 'present'
FROM kept WHERE customers.customer_id = kept.customer_id AND kept.source >= :source;

-- drop_kept_rejections: Drop the rejections of those rows.
DELETE FROM rejections WHERE source = :source AND row IN (SELECT row FROM kept);

-- forget_absent: Delete customers removed from the file before anything was sent for them.
DELETE FROM customers WHERE source = :source AND enrolment <> :run AND name_sent IS NULL AND company_id IS NULL
    AND company_origin IS NOT 'undone';

-- remove_absent: Mark the other customers removed from the file.
UPDATE customers SET presence = 'removed' WHERE source = :source AND enrolment <> :run;

-- mark_invalid: Mark those of them whose row is still in the file but rejected. Codat has nothing of those undone.
UPDATE customers SET presence = 'invalid', row = r.row
FROM (SELECT customer_id, min(row) AS row FROM rejections WHERE source = :source GROUP BY customer_id) r
WHERE customers.customer_id = r.customer_id AND presence = 'removed' AND source = :source
    AND company_origin IS NOT 'undone';

-- hide_rejections: Hide their rejections, so that each of these rows appears in the results once, as the customer.
UPDATE rejections SET hidden = 1
WHERE source = :source AND EXISTS (
    SELECT 1 FROM customers c
    WHERE c.presence = 'invalid' AND c.source = rejections.source AND c.row = rejections.row);

-- record_diff: Store the differences between a run's input and the batch.
UPDATE runs SET rows_new = :new, rows_same = :same, rows_changed = :changed, rows_removed = :removed WHERE id = :run;
