"""Tests of the documents: their examples run as written, and their tables and links are right."""
