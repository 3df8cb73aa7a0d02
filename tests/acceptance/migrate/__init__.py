"""Whole runs in their own processes."""
