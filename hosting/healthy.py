"""Exit code 0 if the server in this container can serve a page: the image's HEALTHCHECK.

Streamlit's /_stcore/health says that the server listens, /ready that the start page runs.
"""

import os
import sys
import urllib.error
import urllib.request

ADDRESS = f"http://127.0.0.1:{os.environ.get('PORT', '8501')}"

try:
    for path in ("/_stcore/health", "/ready"):
        urllib.request.urlopen(ADDRESS + path, timeout=20).read()
except (OSError, urllib.error.HTTPError) as error:
    sys.exit(f"{path}: {error}")
