"""Real processes, a real sandbox, and what can be done to them: kill -9, a bad wire, bad disks, bad journals.

What must hold is in `judge.py`. `python -m chaos --help` says how rounds are told; the disks and journals are tests.
"""
