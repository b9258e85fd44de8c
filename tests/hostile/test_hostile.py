"""A share of `python -m tests.hostile`, which .ci/nightly runs whole: no input is a fault."""

import pytest

from tests.dashboard.example_settings import DEVICE_INFO
from tests.hostile.kinds import KINDS
from tests.hostile.links import try_links
from tests.hostile.table import try_kind
from tests.scale import NIGHTLY

SHARE = 1.0 if NIGHTLY else 0.02


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_hostile_inputs_are_sentences(kind):
    counts = try_kind(kind, max(int(kind.n_inputs * SHARE), 20), seed=18)
    assert (counts.n_tracebacks, counts.n_paths, counts.n_unruly) == (0, 0, 0), counts.faults


@pytest.mark.no_cover
def test_hostile_links_are_pages(tmp_path, monkeypatch):
    monkeypatch.setenv("GQA_RUN_LOG", str(tmp_path / "runs.sqlite"))
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda *names: DEVICE_INFO)
    counts = try_links(600 if NIGHTLY else 24, seed=18)
    assert (counts.n_tracebacks, counts.n_paths, counts.n_unruly) == (0, 0, 0), counts.faults
