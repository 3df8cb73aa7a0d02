"""Nonsense for whatever `bulk` reads: files, answers, events. Never a traceback, never a hang, never all the memory."""
