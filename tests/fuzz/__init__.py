"""Nonsense in all that `bulk` reads: files, responses and events cause no traceback, no hang and no full memory."""
