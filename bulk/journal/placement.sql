-- drop_places: Forget the places of an earlier file.
DROP TABLE IF EXISTS temp.places;

-- drop_rejected: Forget the rejected rows that were collected for it.
DROP TABLE IF EXISTS temp.rejected;

-- create_places: The rows of this file that take the place of an earlier row. The first row to claim a place gets it.
CREATE TEMP TABLE places (
    row          INTEGER PRIMARY KEY,
    place_source INTEGER NOT NULL,
    place_row    INTEGER NOT NULL,
    UNIQUE (place_source, place_row)
);

-- create_rejected: The rejected rows of earlier files, and those held in conflict (is_held).
-- Here number is the row's number in the reports. has_id: the row has an identifier, and no problem with it or with its
-- columns. is_only: no other rejected row has the identifier. owner: a customer in Codat, if any, who alone can take the
-- place. is_known: an earlier file has a valid customer with the identifier. Then the row is only a wrong row about that
-- customer, and a valid row takes the customer's place instead. A held row is about that customer too.
CREATE TEMP TABLE rejected AS
SELECT r.source, r.row, r.customer_id, r.cells, r.row + s.shift AS number, r.has_id, r.is_held,
       owner.customer_id AS owner, count(*) OVER (PARTITION BY r.customer_id) = 1 AS is_only, known.seq IS NOT NULL AS is_known,
       coalesce(known.source, r.source) AS valid_source, coalesce(known.row, r.row) AS valid_row
FROM (SELECT *, state = 'conflict' AS is_held, customer_id IS NOT NULL AND NOT EXISTS (
                   SELECT 1 FROM json_each(problems)
                   WHERE json_extract(value, '$.field') IN ('customer_id', 'row')) AS has_id
      FROM rejections WHERE source < :source) r
JOIN sources s ON s.id = r.source
LEFT JOIN customers owner ON owner.source = r.source AND owner.row = r.row AND +owner.presence = 'invalid'
LEFT JOIN customers known ON known.customer_id = r.customer_id AND (r.has_id OR r.is_held)
                             AND +known.presence = 'present' AND known.source < r.source;

-- index_numbers: For the rules by number.
CREATE INDEX temp.rejected_numbers ON rejected (number);

-- index_ids: For the rules by identifier.
CREATE INDEX temp.rejected_ids ON rejected (customer_id);

-- index_cells: For the rule by cells.
CREATE INDEX temp.rejected_cells ON rejected (cells);

-- index_places: To find the rejected row in a place.
CREATE INDEX temp.rejected_places ON rejected (source, row);

-- by_number_and_id: A rejected row that was returned in our rejects file, of the same customer.
INSERT OR IGNORE INTO places
SELECT t.row, iif(:is_accepted, r.valid_source, r.source), iif(:is_accepted, r.valid_row, r.row)
FROM incoming t CROSS JOIN rejected r ON r.number = t.corrects
WHERE t.is_accepted = :is_accepted AND r.customer_id IS t.customer_id AND (r.owner IS NULL OR r.owner IS t.customer_id)
ORDER BY t.row;

-- correction_by_id: A row of our rejects file whose number is out of date: the only rejected row of its customer.
INSERT OR IGNORE INTO places
SELECT t.row, iif(:is_accepted, r.valid_source, r.source), iif(:is_accepted, r.valid_row, r.row)
FROM incoming t CROSS JOIN rejected r USING (customer_id)
WHERE t.is_accepted = :is_accepted AND t.corrects IS NOT NULL AND r.is_only
      AND (r.owner IS NULL OR r.owner IS t.customer_id)
ORDER BY t.row;

-- by_number_without_id: A rejected row that was returned in our rejects file and had no usable identifier before, or a
-- held one that has another identifier now.
INSERT OR IGNORE INTO places
SELECT t.row, r.source, r.row
FROM incoming t CROSS JOIN rejected r ON r.number = t.corrects
WHERE t.is_accepted = :is_accepted AND NOT r.has_id AND (r.owner IS NULL OR r.owner IS t.customer_id)
ORDER BY t.row;

-- by_customer: The place of the row's customer. A customer that was removed from its file has none.
INSERT OR IGNORE INTO places
SELECT t.row, c.source, c.row
FROM incoming t CROSS JOIN customers c USING (customer_id)
WHERE t.is_accepted = :is_accepted AND c.source < :source AND c.presence <> 'removed'
ORDER BY t.row;

-- by_id: A row of any file: the only rejected row of its customer.
INSERT OR IGNORE INTO places
SELECT t.row, iif(:is_accepted, r.valid_source, r.source), iif(:is_accepted, r.valid_row, r.row)
FROM incoming t CROSS JOIN rejected r USING (customer_id)
WHERE t.is_accepted = :is_accepted AND r.is_only AND (r.owner IS NULL OR r.owner IS t.customer_id)
ORDER BY t.row;

-- by_cells: A rejected row that is the same in another file, for example in a compressed copy. Equal rows in order.
INSERT OR IGNORE INTO places
SELECT t.row, r.source, r.row
FROM (SELECT row, customer_id, cells, row_number() OVER (PARTITION BY cells ORDER BY row) AS nth
      FROM incoming WHERE is_accepted = :is_accepted AND row NOT IN (SELECT row FROM places)) t
JOIN (SELECT source, row, owner, cells, row_number() OVER (PARTITION BY cells ORDER BY source, row) AS nth
      FROM rejected
      WHERE cells IN (SELECT cells FROM incoming WHERE is_accepted = :is_accepted)
            AND NOT EXISTS (SELECT 1 FROM places WHERE place_source = source AND place_row = rejected.row)) r
     USING (cells, nth)
WHERE (r.owner IS NULL OR r.owner IS t.customer_id);
