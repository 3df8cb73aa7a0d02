"""Starts a sandbox with the handles that tests need: `bulk sandbox` with additions (see `sandbox_server`)."""

from __future__ import annotations

import sys
from pathlib import Path

from bulk.sandbox import launch
from bulk.sandbox.launch import Running
from bulk.sandbox.options import Options

PROGRAM = (sys.executable, str(Path(__file__).with_name("sandbox_server.py")))


def start(state_dir: Path, *, options: Options | None = None) -> Running:
    """Start a sandbox on a folder of state and wait until it answers. Return the running one if there is one."""
    return launch.start(state_dir, options=options, program=PROGRAM)
