"""Tests of whole runs: real processes, a sandbox, and the files that they leave."""
