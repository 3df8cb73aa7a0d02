"""Whole runs of the commands after `migrate`: real processes against a real sandbox."""
