"""The state of a batch, summed up from its figures for page, workbook and console. No I/O."""
