"""What app.py shows, as an ASGI app with security headers, /ready, and paths for the host alone."""

from streamlit.starlette import App

from dashboard.server.middleware import MIDDLEWARE
from dashboard.server.ready import ROUTES

app = App("app.py", middleware=MIDDLEWARE, routes=ROUTES)
