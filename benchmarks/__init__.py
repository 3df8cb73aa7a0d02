"""What bulk costs, as ratios against baselines measured in the same run: `python -m benchmarks [NAME ...] [--quick]`.

None of these is a test: each prints its figures beside their targets. Trust the ratios; seconds depend on the machine.
Files are made under the system's temporary folder (`TMPDIR` names another disk) and removed at the end.
"""
