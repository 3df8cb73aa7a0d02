-- groups: Customers by platform, stage, state and wave. A resource that was deleted in Codat does not count.
SELECT coalesce(platform_sent, platform_key),
       CASE WHEN state = 'complete' THEN 5
            WHEN state = 'linked' OR connection_status = 'Linked' THEN 4
            WHEN connection_status = 'Deleted' AND error_step = 'company' THEN 1
            WHEN connection_id IS NOT NULL AND connection_status IS NOT 'Deleted' THEN 3
            WHEN company_id IS NOT NULL THEN 2
            ELSE 1 END AS furthest,
       state, link_wave, count(*)
FROM customers WHERE {is_shown} GROUP BY 1, 2, 3, 4;

-- link_ages: Unused linkUrls of each wave by expiry: beyond today, today, expired, missing; the next expiry; those that
-- never expire; and the valid ones that cannot be emailed: without an address, and not recorded as emailed.
-- MATERIALIZED, because SQLite would otherwise calculate each time again in each of the five columns.
WITH unused AS MATERIALIZED (
    SELECT link_wave, {expires_at} AS expires, instr(link_url, 'otp=') = 0 AS is_unlimited,
           email IS NULL AND NOT EXISTS (SELECT 1 FROM links WHERE wave = link_wave AND customer = seq
                                         AND emailed_at IS NOT NULL) AS is_unaddressed
    FROM customers
    WHERE state = 'link_ready' AND presence <> 'removed')
SELECT link_wave, count(*) FILTER (WHERE expires > :tomorrow), count(*) FILTER (WHERE expires > :now AND expires <= :tomorrow),
       count(*) FILTER (WHERE expires <= :now), count(*) FILTER (WHERE expires IS NULL AND is_unlimited IS NOT 1),
       min(expires) FILTER (WHERE expires > :now), count(*) FILTER (WHERE is_unlimited),
       count(*) FILTER (WHERE is_unaddressed AND (expires > :now OR is_unlimited))
FROM unused GROUP BY link_wave;

-- waves: The waves that a report has written or writes now.
SELECT n, begun_at FROM waves WHERE closed_at IS NOT NULL ORDER BY n;

-- links_by_wave: The linkUrls of each wave; those that were emailed, the first time of that; and those with which the
-- customer has tried to link and failed.
SELECT wave, count(*), count(emailed_at), min(emailed_at), sum(attempted) FROM links GROUP BY wave;

-- failures: Errors by state, step and code, with examples and correlation ids.
SELECT state, step, code, deleted, customer_id, row, error, correlation_id, number FROM (
    SELECT state, coalesce(error_step, '') AS step, error_code AS code,
           coalesce(connection_status = 'Deleted', 0) AS deleted, customer_id,
           {number} AS row, coalesce({error}, '') AS error, correlation_id, count(*) OVER kind AS number,
           row_number() OVER (kind ORDER BY seq) AS nth,
           row_number() OVER (kind ORDER BY correlation_id IS NULL, seq) AS nth_correlated
    FROM customers WHERE error_code IS NOT NULL AND state <> 'conflict' AND {is_shown}
    WINDOW kind AS (PARTITION BY state, error_step, error_code, coalesce(connection_status = 'Deleted', 0)))
WHERE nth <= :examples OR nth_correlated <= :correlation_ids
ORDER BY number DESC, state, step, code, deleted, nth;

-- rejected_rows: The rejected rows that the results show.
SELECT {number}, customer_id, problems FROM rejections WHERE hidden = 0 AND state = 'rejected' ORDER BY source, row;

-- conflict_rows: The rows in conflict that the results show: those that were held, and customers in conflict with a
-- company in Codat.
SELECT {number}, customer_id, problems, source, row FROM rejections WHERE hidden = 0 AND state = 'conflict'
UNION ALL
SELECT CASE WHEN presence <> 'removed' THEN {number} END, customer_id, conflict, source, row
FROM customers WHERE state = 'conflict' AND {is_shown}
ORDER BY source, row;

-- requests_by_minute: Requests, and responses with 429.
SELECT CAST(sent_at / 60 AS INTEGER), count(*), sum(status IS 429) FROM requests
WHERE outcome IS NOT 'not_sent' GROUP BY 1 ORDER BY 1;

-- customers_by_minute: Customers that advanced.
SELECT CAST(strftime('%s', at) / 60 AS INTEGER), count(DISTINCT customer) FROM changes
WHERE now IN ('link_ready', 'linked', 'complete') GROUP BY 1;

-- mappings_of_rejects: The mappings of the input files that have rejected rows.
SELECT DISTINCT mapping FROM sources WHERE id IN (SELECT source FROM rejections WHERE state = 'rejected');

-- mappings_of_conflicts: The mappings of the input files that have rows in conflict.
SELECT DISTINCT mapping FROM sources
WHERE id IN (SELECT source FROM rejections WHERE state = 'conflict'
             UNION ALL SELECT source FROM customers WHERE state = 'conflict');

-- requests_to_do: Two for each new customer, minus what is done; one for each linked customer.
SELECT coalesce(sum(CASE state WHEN 'linked' THEN 1 ELSE 1 + (company_id IS NULL) END), 0) FROM customers
WHERE state = 'linked' OR (state = 'pending' AND (presence = 'present' OR name_sent IS NOT NULL)
                          AND company_origin IS NOT 'undone');

-- holds: A hold ends with its run, even if it was meant to last longer.
SELECT since, min(until, coalesce(finished_at, :at)), why FROM holds JOIN runs ON runs.id = run
WHERE until > since ORDER BY n;

-- changes: Customers whose state differs from that at :since.
SELECT was, state, count(*) FROM (SELECT {was} AS was, state FROM customers WHERE {is_shown})
WHERE was <> state GROUP BY was, state;

-- has_differences: Whether Codat has another name, platform or description than the input.
SELECT EXISTS (SELECT 1 FROM customers WHERE presence = 'present' AND (
    (company_id IS NOT NULL AND (name_sent <> name OR description_sent IS NOT description
                                OR damage ->> '$[0].code' = 'company_name_damaged'))
    OR (connection_id IS NOT NULL AND platform_sent <> platform_key)));

-- undone: Pending customers whose company undo has deleted.
SELECT count(*) FROM customers WHERE state = 'pending' AND company_origin = 'undone' AND presence <> 'removed';

-- last_run: The last run of a command.
SELECT id, command, version, started_at, finished_at, seconds, stopped FROM runs ORDER BY id DESC LIMIT 1;

-- last_input: The input of the last run that had one, and its differences from the batch.
SELECT input, rows_new, rows_same, rows_changed, rows_removed FROM runs WHERE input IS NOT NULL ORDER BY id DESC LIMIT 1;

-- requests_of_run: Requests by operation, and responses with 429. Requests that never left do not count.
SELECT operation, count(*), coalesce(sum(status = 429), 0) FROM requests
WHERE id >= :first AND run = :run AND outcome IS NOT 'not_sent' GROUP BY operation ORDER BY operation;

-- retries_of_run: Requests beyond the first for the same customer and step.
SELECT coalesce(sum(requests - 1), 0) FROM (
    SELECT count(*) AS requests FROM requests
    WHERE id >= :first AND run = :run AND customer IS NOT NULL AND outcome IS NOT 'not_sent'
          AND (key IS NOT NULL OR operation IN ('get_connection', 'delete_company'))
    GROUP BY customer, step);

-- steps_of_run: Customers for whom a step was done, or found to be done.
SELECT step, count(DISTINCT customer) FROM requests
WHERE id >= :first AND run = :run AND outcome IN ('done', 'found') AND step IS NOT NULL GROUP BY step;

-- linked_in_run: Customers found to have authorized.
SELECT count(DISTINCT customer) FROM changes
WHERE run = :run AND now IN ('linked', 'complete') AND was NOT IN ('linked', 'complete');

-- open_findings: Findings of the last verify that were not adopted.
SELECT count(*) FROM findings WHERE adopted = 0;
