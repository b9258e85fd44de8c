"""Refusals of a dashboard's child before its first point, each with both numbers."""

import pytest

from gqa_core import units
from gqa_core.limits.refusal import LimitError
from gqa_core.runner.visitor_run import validate_run
from gqa_core.server_watch import CHILD_BYTES
from tests.records import fake_records as samples
from tests.records import fake_sharded

SPEC = samples.point()


@pytest.fixture
def visitor_run(monkeypatch, set_limits):
    monkeypatch.setenv(CHILD_BYTES, "1000000000")
    return set_limits


def test_a_run_leaves_a_margin_of_the_free_memory_whoever_starts_it(set_limits):
    set_limits()
    needed = SPEC.required_bytes
    validate_run([SPEC], 0, 2 * needed)
    with pytest.raises(LimitError, match=r"must leave 10% of the free .* takes .* of .* free"):
        validate_run([SPEC], 0, needed + needed // 20)


def test_points_samples_and_bytes_of_a_visitor_are_limited(visitor_run):
    visitor_run(run_points=3, run_samples=19, run_bytes="1MB")
    with pytest.raises(LimitError, match="points per run are limited to 3 here: this one would me"):
        validate_run([SPEC], 3, 10**12)
    with pytest.raises(LimitError, match=r"samples per point are limited to 19 here: .* take 20"):
        validate_run([SPEC], 0, 10**12)
    visitor_run(run_points=4, run_samples=20, run_bytes="1MB")
    large = samples.point(context_len=2**20)
    with pytest.raises(LimitError, match=r"at most 1 MB of memory here: .* and .* TB are free"):
        validate_run([large], 0, 10**12)


def test_bytes_count_for_every_rank_of_the_machine(visitor_run):
    spec = fake_sharded.spec(tp=2)
    needed = spec.required_bytes
    visitor_run(run_bytes=str(3 * needed // 2), run_samples=spec.decode.n_samples)
    validate_run([spec], 0, 10**12, n_ranks=1)
    bytes_text = f"takes {units.decimal(2 * needed)}, and 1.00 TB are free"
    with pytest.raises(
        LimitError, match=rf"at most .* of memory here: .* on 2 ranks.* {bytes_text}"
    ):
        validate_run([spec], 0, 10**12, n_ranks=2)
    visitor_run(run_samples=spec.decode.n_samples - 1, run_bytes="1TB")
    with pytest.raises(LimitError, match="samples per point"):
        validate_run([spec], 0, 10**12)
    with pytest.raises(LimitError, match=r"must leave 10% of the free .* takes .* of .* free"):
        validate_run([spec], 0, 2 * needed + needed // 10, n_ranks=2)


def test_each_rank_takes_a_thread_at_least(visitor_run):
    spec = fake_sharded.spec(tp=4)
    visitor_run(threads=4)
    validate_run([spec], 0, 10**12, n_ranks=4)
    visitor_run(threads=3)
    with pytest.raises(LimitError, match="limited to 3 here: 4 ranks take one each at least"):
        validate_run([spec], 0, 10**12, n_ranks=4)


def test_a_user_of_the_command_line_is_not_bound(set_limits):
    set_limits(run_points=1, run_samples=3, run_bytes="1MB")
    validate_run([SPEC] * 3, 10, 10**12)
    set_limits(threads=1)
    validate_run([SPEC], 0, 10**12, n_ranks=2)
