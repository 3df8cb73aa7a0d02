"""The page, as HTML and in a real browser."""
