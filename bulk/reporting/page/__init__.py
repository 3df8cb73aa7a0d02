"""The page for people: `report.html`, one file that needs nothing besides."""

from bulk.reporting.page.customers import Customers
from bulk.reporting.page.render import page

__all__ = ["Customers", "page"]
