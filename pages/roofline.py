"""The former address of the view Bound of the page Decode."""

from dashboard.shell.page import lead_to

lead_to("decode", view="Bound")
