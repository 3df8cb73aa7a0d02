-- accept: Damage that a person has accepted is no damage. Neither is a name that Codat has like this.
UPDATE incoming SET damage = NULL
WHERE damage IS NOT NULL AND (
    EXISTS (SELECT 1 FROM accepted a
            WHERE (a.customer_id, a.company_name, a.code, a.found)
                  = (incoming.customer_id, incoming.company_name, damage ->> '$[0].code', damage ->> '$[0].found'))
    OR EXISTS (SELECT 1 FROM customers c
               WHERE c.customer_id = incoming.customer_id AND c.company_id IS NOT NULL AND c.name_sent = incoming.name));

-- remember_corrections: Store the customers whose damaged rows our own file with corrections corrects.
INSERT OR IGNORE INTO corrected (cells, customer_id)
SELECT c.damage, c.customer_id FROM incoming t JOIN customers c USING (customer_id)
WHERE t.is_accepted AND t.corrects IS NOT NULL AND t.damage IS NULL AND c.damage IS NOT NULL;

-- keep_known_names: The name of an earlier row is used if the damaged name is this one. The damage is forgotten, unless
-- Codat has the name: then it is listed as a difference.
UPDATE incoming SET
    company_name = c.company_name, name = c.name,
    damage = CASE WHEN c.company_id IS NOT NULL OR c.name_sent IS NOT NULL THEN incoming.damage END
FROM customers c
WHERE incoming.damage ->> '$[0].code' = 'company_name_damaged' AND c.customer_id = incoming.customer_id
      AND (c.name = incoming.restored_name
           OR EXISTS (SELECT 1 FROM corrected k WHERE (k.cells, k.customer_id) = (incoming.damage, c.customer_id)));

-- hold: The customers of damaged rows for whom nothing was sent are in conflict.
UPDATE customers SET state = 'conflict', conflict = damage, error_step = 'conflict',
    error_code = damage ->> '$[0].code', error = NULL, correlation_id = NULL
WHERE damage IS NOT NULL AND enrolment = :run AND company_id IS NULL AND name_sent IS NULL
RETURNING seq;

-- release: The rows of the others were corrected or accepted.
UPDATE customers SET state = 'pending', conflict = NULL, error_step = NULL, error_code = NULL
WHERE state = 'conflict' AND damage IS NULL AND enrolment = :run
      AND conflict ->> '$[0].code' IN ('customer_id_damaged', 'company_name_damaged');
