"""`python -m bulk.sandbox`."""

from bulk.sandbox.command import sandbox

sandbox(prog_name="python -m bulk.sandbox")
