"""Tests of the page, as HTML and in a real browser."""
