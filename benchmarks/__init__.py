"""Measures the cost of bulk as ratios to baselines of the same run: `python -m benchmarks [NAME ...] [--quick]`.

The benchmarks are not tests: each prints its figures with their targets. Trust the ratios: seconds depend on the
machine. They create files under the system's temporary folder (`TMPDIR` selects another disk) and remove them.
"""
