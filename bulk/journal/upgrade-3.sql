-- From the journal of bulk's third version to the fourth, which knows the company of each customer that was deleted.

ALTER TABLE customers ADD COLUMN deleted_id TEXT;
