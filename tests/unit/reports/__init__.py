"""The reports and what they are read from."""
