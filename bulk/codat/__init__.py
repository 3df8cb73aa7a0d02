"""Codat's API and nothing else: what can be asked, what an answer means, and how fast."""
