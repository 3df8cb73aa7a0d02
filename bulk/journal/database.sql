-- count_tables: The number of the file's tables and indexes.
SELECT count(*) FROM sqlite_schema;
