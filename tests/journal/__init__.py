"""Tests of bulk.journal."""
