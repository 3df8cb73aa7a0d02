"""The journal of a batch: one SQLite file, which is the batch's only state."""
