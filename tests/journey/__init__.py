"""The whole journey of a batch and its customers, also in a real browser."""
