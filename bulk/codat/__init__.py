"""Codat's API and nothing else: the requests, the meaning of the responses, and the limits."""
