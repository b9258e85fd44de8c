"""Bounds the uploaded files of each session: those that came first go when there are too many.

Streamlit keeps what a browser uploads until its session ends, whether a widget uses it or not.
"""

from __future__ import annotations

from typing import cast

from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from dashboard.shell.process import process_wide
from gqa_core.limits.settings import limits

__all__ = ["BoundedUploads", "bound_uploads"]


class BoundedUploads:
    """Takes the place of a manager's `add_file`; no session keeps more than its limit."""

    def __init__(self, manager: MemoryUploadedFileManager) -> None:
        self._manager = manager
        self._add_file = manager.add_file
        manager.add_file = self.add_file  # type: ignore[method-assign]

    def add_file(self, session_id: str, file: UploadedFileRec) -> None:
        """Add a file unless it alone is too large, and remove the oldest that have no room then."""
        most_bytes = limits().session_upload_bytes
        if len(file.data) > most_bytes:
            return
        self._add_file(session_id, file)
        files = list(self._manager.file_storage.get(session_id, {}).values())
        n_bytes = sum(len(each.data) for each in files)
        for oldest in files:
            if n_bytes <= most_bytes:
                return
            self._manager.remove_file(session_id, oldest.file_id)
            n_bytes -= len(oldest.data)


def bound_uploads() -> None:
    """Bound the uploads of this server, once per process."""
    manager = cast(MemoryUploadedFileManager, runtime.get_instance().uploaded_file_mgr)
    process_wide("uploads", lambda: BoundedUploads(manager))
