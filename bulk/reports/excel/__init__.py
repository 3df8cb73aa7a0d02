"""The workbook, `results.xlsx`."""
