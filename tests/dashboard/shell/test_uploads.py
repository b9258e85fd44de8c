"""No session keeps more uploaded bytes than its limit."""

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from dashboard.shell.uploads import BoundedUploads


def file(number, n_bytes):
    return UploadedFileRec(file_id=str(number), name="x", type="", data=b"x" * n_bytes)


def test_the_oldest_uploads_go_and_other_sessions_keep_theirs(set_limits):
    set_limits(session_upload_bytes=5000)
    manager = MemoryUploadedFileManager("/upload")
    BoundedUploads(manager)
    manager.add_file("bob", file(0, 4000))
    for number in range(200):
        manager.add_file("ada", file(number, 1000))
    assert list(manager.file_storage["ada"]) == ["195", "196", "197", "198", "199"]
    assert list(manager.file_storage["bob"]) == ["0"]
    manager.add_file("ada", file(200, 6000))
    assert "200" not in manager.file_storage["ada"], "it alone is too large"
    assert "199" in manager.file_storage["ada"]
