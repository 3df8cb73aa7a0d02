"""Tests of bulk.engine."""
