"""The page for people: `report.html`, one self-contained file."""

from bulk.reports.html.customers import Customers
from bulk.reports.html.render import page

__all__ = ["Customers", "page"]
