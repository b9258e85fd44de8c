"""/ready of a whole server: 200 with a start page that runs, 503 with one that fails."""

import shutil
import urllib.error
import urllib.request

import pytest

from benchmarks.serving import ROOT, running


@pytest.mark.parametrize(
    ("fault", "run_seconds", "status"),
    [("", "60", 200), ("\nraise RuntimeError('planted')\n", "60", 503), ("", "soon", 503)],
)
def test_a_server_is_ready_only_if_its_start_page_and_its_limits_are_sound(
    fault, run_seconds, status, tmp_path, monkeypatch
):
    monkeypatch.setenv("GQA_RUN_SECONDS", run_seconds)
    for name in ("app.py", "serve.py"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "pages", tmp_path / "pages")
    page = tmp_path / "pages" / "overview.py"
    page.write_text(page.read_text() + fault)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with running(tmp_path / "runs.sqlite", str(tmp_path / "serve.py")) as server:
        try:
            answer = urllib.request.urlopen(f"{server.address}/ready")
        except urllib.error.HTTPError as error:
            answer = error
        assert answer.status == status
