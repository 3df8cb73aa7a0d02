"""Summarizes the state of a batch from its figures, for page, workbook and console. No I/O."""
