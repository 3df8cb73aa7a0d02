"""Whole runs of `listen`."""
