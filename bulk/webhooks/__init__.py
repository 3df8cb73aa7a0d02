"""Webhooks: the server that receives Codat's events, and the worker that applies them."""
