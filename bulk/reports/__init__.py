"""The files of a batch's folder, written from its journal; no Codat and no running batch is needed for them."""

from bulk.reports.write import Written, write_reports

__all__ = ["Written", "write_reports"]
