"""Whole runs, as processes of their own."""
