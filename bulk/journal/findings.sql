-- clear: Forget the findings of the verify before.
DELETE FROM findings;

-- add: Store a finding.
INSERT INTO findings (finding, customer_id, company_id, connection_id, detail, adopted)
VALUES (:finding, :customer_id, :company_id, :connection_id, :detail, :adopted);
