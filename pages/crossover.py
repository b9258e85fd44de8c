"""The former address of the view Faster from of the page Decode."""

from dashboard.shell.page import lead_to

lead_to("decode", view="Faster from")
