"""Real processes and a real sandbox under bad conditions: kill -9, a bad network, bad disks, bad journals.

`round` is one migration under such conditions, `judge` checks the guarantees. `python -m chaos --help` explains how to
run rounds; the disks and journals are tests.
"""
