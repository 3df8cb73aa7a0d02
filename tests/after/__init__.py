"""Whole runs of the commands that go on after the email: real processes against a real sandbox."""
