"""Whole runs of the commands after the email: real processes against a real sandbox."""
