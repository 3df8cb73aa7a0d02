"""Tests of bulk.codat."""
