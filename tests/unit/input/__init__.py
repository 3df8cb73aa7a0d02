"""Tests of bulk.input."""
