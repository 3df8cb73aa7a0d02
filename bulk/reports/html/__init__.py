"""The page for people: `report.html`, one file that needs nothing besides."""

from bulk.reports.html.customers import Customers
from bulk.reports.html.render import page

__all__ = ["Customers", "page"]
