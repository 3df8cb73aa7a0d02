"""Tests of `bulk listen`."""
