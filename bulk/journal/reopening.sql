-- resolve_companies: Resolve the doubts about customers that get another company.
-- Codat created the company and lost it. The keys must not be repeated, because Codat may keep the old responses.
UPDATE requests SET outcome = 'found'
WHERE (outcome IS NULL OR outcome IN ('unknown', 'server_error')) AND step IS NOT NULL AND customer IN (
    SELECT seq FROM customers WHERE state = 'failed' AND presence = 'present'
        AND connection_status = 'Deleted' AND error_step = 'company');

-- resolve_connections: Resolve the doubts about customers that get another connection.
UPDATE requests SET outcome = 'found'
WHERE (outcome IS NULL OR outcome IN ('unknown', 'server_error')) AND step = 'connection' AND customer IN (
    SELECT seq FROM customers WHERE state = 'failed' AND presence = 'present' AND connection_status = 'Deleted');

-- drop_companies: Forget the companies that Codat no longer has. Each is looked up once more before another is created.
-- The name of an adopted company was not sent: if the company appears again, this batch still did not create it.
UPDATE customers SET company_id = NULL, company_batch = NULL, connection_id = NULL, connection_status = NULL,
    link_url = NULL, link_issued_at = NULL, partner_connection_id = NULL, partner_status = NULL,
    name_sent = CASE company_origin WHEN 'created' THEN name_sent END,
    company_origin = 'missing'
WHERE state = 'failed' AND presence = 'present' AND connection_status = 'Deleted' AND error_step = 'company';

-- drop_connections: Forget the connections that Codat no longer has.
UPDATE customers SET knows_connections = 0, connection_id = NULL, connection_status = NULL, link_url = NULL,
    link_issued_at = NULL
WHERE state = 'failed' AND presence = 'present' AND connection_status = 'Deleted';

-- reopen_undone: Let this run create companies again for the customers whose companies undo has deleted.
-- A copy of the batch may not know about the undo. Then it uses other keys, so each company is looked up first.
UPDATE customers SET company_origin = 'missing' WHERE company_origin = 'undone';

-- resolve_partners: Resolve the doubts about customers that get another partner connection.
UPDATE requests SET outcome = 'found'
WHERE (outcome IS NULL OR outcome IN ('unknown', 'server_error')) AND step = 'partner' AND customer IN (
    SELECT seq FROM customers WHERE state = 'failed' AND connection_status = 'Linked' AND partner_status = 'Deleted');

-- drop_partners: Forget the partner connections that Codat no longer has.
UPDATE customers SET partner_connection_id = NULL, partner_status = NULL, knows_connections = 0
WHERE state = 'failed' AND connection_status = 'Linked' AND partner_status = 'Deleted';

-- reopen_partners: Let the next follow-up create the partner connections.
UPDATE customers SET state = 'linked' WHERE state = 'failed' AND connection_status = 'Linked';

-- reopen: Let this run process the other failed customers.
UPDATE customers SET state = 'pending' WHERE state = 'failed' AND presence = 'present';
