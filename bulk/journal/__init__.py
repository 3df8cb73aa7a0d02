"""The journal of a batch: SQLite on disk, the only state there is."""
