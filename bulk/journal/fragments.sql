-- is_in_range: Whether a customer's identifier, or another spelling of it, is a whole number in a range.
(customer_id BETWEEN :low AND :high AND length(customer_id) = length(:low)
       OR spelling BETWEEN :low AND :high AND length(spelling) = length(:low));

-- has_key: Whether a customer's identifier has one of these keys (bulk.spellings).
(customer_id IN (SELECT value FROM json_each(:keys)) OR spelling IN (SELECT value FROM json_each(:keys)));
