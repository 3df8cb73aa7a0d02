-- in_input: The results of the input's rows, in input order.
-- Both parts have an index in this order, so SQLite merges them without sorting.
SELECT {number}, customer_id, company_name, coalesce(name_sent, name), email, coalesce(platform_sent, platform_key),
       state, company_id, connection_id, connection_status, {shown_link}, {expires_at}, partner_connection_id,
       partner_status, error_step, error_code, {error}, correlation_id, attempts, updated_at,
       platform, link_error, {was}, extra, source, row
FROM customers WHERE presence <> 'removed'
UNION ALL
SELECT {number}, customer_id, company_name, NULL, email, NULL,
       state, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, iif(state = 'conflict', 'conflict', 'input'),
       iif(state = 'conflict', json_extract(problems, '$[0].code'), 'rejected'), reasons(problems), NULL, 0, NULL, platform,
       NULL, NULL, extra, source, row
FROM rejections WHERE hidden = 0
ORDER BY source, row;

-- removed: The results of customers that were removed from the input. They have no row number.
SELECT NULL, customer_id, company_name, coalesce(name_sent, name), email, coalesce(platform_sent, platform_key),
       state, company_id, connection_id, connection_status, {shown_link}, {expires_at}, partner_connection_id,
       partner_status, error_step, error_code, {error}, correlation_id, attempts, updated_at,
       platform, link_error, {was}, extra
FROM customers WHERE presence = 'removed' AND {is_shown}
ORDER BY source, row, seq;

-- links: The linkUrls that are valid now, those of the last wave first. In a wave, the first to expire come last, and
-- those that never expire come first.
SELECT customer_id, company_name, email, coalesce(platform_sent, platform_key), link_url, {expires_at} AS expires,
       link_wave, first_issued_at, extra
FROM customers
WHERE state = 'link_ready' AND presence <> 'removed' AND (expires > :now OR instr(link_url, 'otp=') = 0)
ORDER BY link_wave DESC, coalesce(expires, '9') DESC, source, row;

-- rejects: The rejected rows, with their problems.
SELECT {number}, reasons(problems), cells FROM rejections WHERE state = 'rejected' ORDER BY source, row;

-- conflicts: The rows in conflict: those that were held, and customers in conflict with a company in Codat.
-- After the cells come the values that `check` shows.
SELECT {number}, reasons(problems), json_extract(problems, '$[0].found'), cells, source, row,
       customer_id, company_name, problems
FROM rejections WHERE state = 'conflict'
UNION ALL
SELECT CASE WHEN presence <> 'removed' THEN {number} END, reasons(conflict), json_extract(conflict, '$[0].found'),
       cells_of((SELECT fields FROM sources WHERE id = source), extra, customer_id, company_name, platform, email,
                description),
       source, row, customer_id, company_name, conflict
FROM customers WHERE state = 'conflict' AND {is_shown}
ORDER BY source, row;

-- differences: Values of customers in the input that differ from the values in Codat.
-- A damaged name is in the input, but not in `name`.
SELECT customer_id, 'company_name', name_sent, coalesce(damage ->> '$[0].value', name), source, row, 1 AS place
FROM customers
WHERE presence = 'present' AND company_id IS NOT NULL
      AND (name_sent <> name OR damage ->> '$[0].code' = 'company_name_damaged')
UNION ALL
SELECT customer_id, 'platform', platform_sent, platform_key, source, row, 2 FROM customers
WHERE presence = 'present' AND connection_id IS NOT NULL AND platform_sent <> platform_key
UNION ALL
SELECT customer_id, 'description', description_sent, description, source, row, 3 FROM customers
WHERE presence = 'present' AND company_id IS NOT NULL AND description_sent IS NOT description
ORDER BY source, row, place;

-- findings: The findings of the last verify.
SELECT finding, customer_id, company_id, connection_id, detail, CASE adopted WHEN 1 THEN 'yes' ELSE 'no' END
FROM findings ORDER BY n;

-- created: The companies that this batch created: those ever linked by a customer, or the others.
-- Customers who were unlinked or have a partner connection have linked before.
SELECT customer_id, company_name, company_id, connection_status, source, row FROM customers
WHERE company_origin = 'created' AND company_id IS NOT NULL
      AND (partner_connection_id IS NOT NULL
           OR coalesce(connection_status, 'Deleted') NOT IN ('PendingAuth', 'Deleted')) = :linked
ORDER BY source, row;

-- count_adopted: The number of the batch's companies that it did not create.
SELECT count(*) FROM customers WHERE company_id IS NOT NULL AND company_origin IS NOT 'created';

-- statuses: Company, its origin, connection status and error of named customers.
SELECT customer_id, company_id, company_origin, connection_status, error FROM customers
WHERE customer_id IN (SELECT value FROM json_each(:ids));

-- with_link: The named customers for whom a linkUrl was ever issued.
SELECT customer_id FROM customers
WHERE link_wave IS NOT NULL AND customer_id IN (SELECT value FROM json_each(:ids));

-- spellings: The customers whose identifiers have one of these keys (bulk.spellings).
SELECT customer_id FROM customers
WHERE {has_key}
ORDER BY source, row;

-- in_range: The customers whose identifiers are whole numbers in a range.
SELECT customer_id FROM customers
WHERE {is_in_range}
ORDER BY source, row;

-- held: The named customers for whom nothing is sent, with the state of their rows. A conflict comes last.
SELECT customer_id, state FROM customers
WHERE customer_id IN (SELECT value FROM json_each(:ids)) AND state = 'conflict'
UNION ALL
SELECT customer_id, state FROM rejections
WHERE customer_id IN (SELECT value FROM json_each(:ids)) AND customer_id NOT IN (SELECT customer_id FROM customers)
ORDER BY state DESC;

-- known: The named customers with their states, and the problems of those for whom nothing is sent. These come last:
-- a row that is in conflict, and one that corrects a row but has the identifier of another customer.
SELECT customer_id, state, conflict FROM customers WHERE customer_id IN (SELECT value FROM json_each(:ids))
UNION ALL
SELECT customer_id, state, problems FROM rejections
WHERE customer_id IN (SELECT value FROM json_each(:ids))
      AND (state = 'conflict' OR json_extract(problems, '$[0].code') = 'customer_id_in_batch');

-- count_states: The number of rows of the results, by state.
SELECT state, count(*) FROM customers WHERE {is_shown} GROUP BY state
UNION ALL
SELECT state, count(*) FROM rejections WHERE hidden = 0 GROUP BY state;

-- count_done: The number of successful requests of an operation in a run.
SELECT count(*) FROM requests
WHERE id >= :first AND run = :run AND operation = :operation AND outcome = 'done';

-- count_deleted: The number of companies that a run deleted, also those of which only a look-up showed it.
SELECT count(*) FROM requests r
WHERE id >= :first AND run = :run AND step = 'delete'
      AND (outcome = 'done'
           OR outcome = 'found'
              AND EXISTS (SELECT 1 FROM requests e WHERE e.customer = r.customer AND e.operation = 'delete_company'
                                AND e.id < r.id AND coalesce(e.outcome, 'unknown') IN ('unknown', 'server_error')));

-- has_ended: Whether a run has ended.
SELECT finished_at IS NOT NULL FROM runs WHERE id = :run;

-- last_request: The id of the last request.
SELECT coalesce(max(id), 0) FROM requests;

-- run_of_next_request: The run of the first request with this id or a higher one.
SELECT run FROM requests WHERE id >= :id ORDER BY id LIMIT 1;

-- extra_columns: The columns of each input file that are not fields.
SELECT extras FROM sources ORDER BY id;

-- all_columns: The columns of each input file.
SELECT columns FROM sources ORDER BY id;
