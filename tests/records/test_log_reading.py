"""Reads of a part of the log agree with reads of all of it, in SQLite and in PostgreSQL."""

import pytest
from msgspec.structs import replace

from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.records.decode_row import DecodeRow
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE, Device
from gqa_core.records.log.columns import config_key
from gqa_core.records.log.reading import (
    count_records,
    count_unreadable,
    distinct_values,
    newest_values,
    read_newest,
    read_page,
    read_runs,
)
from gqa_core.records.log.selection import RecordFilter
from gqa_core.records.log.sharing import SharingPair, sharing_pairs
from gqa_core.records.run_log import RunLog
from tests.records import fake_comparisons as comparisons
from tests.records import fake_records as samples

MHA, GQA, MQA = (GroupedConfig(n_heads=8, n_kv_heads=n, head_dim=16) for n in (8, 2, 1))
MLA = default_mla_for(8, 16)
OTHER = Device(type="cpu", name="Another CPU", n_threads=16)
DECODE = RecordFilter(kinds=("decode",))


def made(index, config=GQA, context_len=64, day=1, kernel="auto", **changed):
    ran = {"kernel_ran": kernel} if kernel in ("absorbed", "naive") else {}
    spec = samples.point(config, context_len=context_len, kernel=kernel)
    when = f"2026-11-{day:02d}T20:00:00+00:00"
    return samples.record(index=index, spec=spec, created_at=when, **ran, **changed)


OWN = [
    made(0, MHA, attend=[0.004] * 3),
    made(1),
    made(2, MQA, attend=samples.UNUSABLE, step_samples=samples.UNUSABLE),
    made(3, MLA, kernel="naive"),
    made(4, MLA, kernel="absorbed"),
    made(5, day=3, attend=[0.003] * 3),
    made(6, context_len=128, day=2),
    made(7, run_id="run-2", day=4, device=OTHER),
    comparisons.record(run_id="run-3"),
]
IMPORTED = [
    made(0, MHA, run_id="run-4", day=5),
    made(1, run_id="run-4", day=5, attend=[0.0021] * 3),
]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def log(request, tmp_path):
    is_file = request.param == "SQLite"
    log = RunLog(tmp_path / "x.sqlite" if is_file else request.getfixturevalue("postgresql_url"))
    for record in OWN:
        log.append(record)
    log.import_records(IMPORTED)
    return log


def points(contents):
    return [(record.run_id, record.point) for record in contents.records]


def test_a_page_has_the_newest_first_and_the_next_page_the_rest(log):
    everything = points(read_page(log, DECODE, limit=100))
    assert everything[:3] == [("run-4", 0), ("run-4", 1), ("run-2", 7)]
    assert len(everything) == len(set(everything)) == 10
    pages = [points(read_page(log, DECODE, offset=start, limit=3)) for start in range(0, 12, 3)]
    assert [point for page in pages for point in page] == everything


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (RecordFilter(), 11),
        (RecordFilter(kinds=("verify",)), 1),
        (RecordFilter(evidence=(MEASURED_ELSEWHERE,)), 2),
        (RecordFilter(variants=("MHA", "MLA naive")), 3),
        (RecordFilter(kinds=("decode",), context_lens=(128,)), 1),
        (RecordFilter(devices=((OTHER.name, OTHER.n_threads, ""),)), 1),
        (RecordFilter(devices=((OTHER.name, 1, ""),)), 0),
        (RecordFilter(device=replace(OTHER, type="cuda")), 0),
        (RecordFilter(device=replace(OTHER, machine="node7")), 0),
        (RecordFilter(dates=("2026-11-05",), run_ids=("run-4",)), 2),
        (RecordFilter(kinds=("decode",), usable=True), 9),
        (RecordFilter(kinds=("decode",), max_context_len=64), 9),
        (RecordFilter(configs=(config_key(GQA),), evidence=(MEASURED_HERE,)), 5),
        (RecordFilter(dtypes=("bfloat16",)), 0),
    ],
)
def test_a_filter_counts_what_it_lets_pass(log, where, expected):
    assert count_records(log, where).n_records == expected
    assert len(read_page(log, where, limit=100).logged) == expected


def test_the_newest_record_of_each_point_stands_for_it(log):
    own = RecordFilter(kinds=("decode",), evidence=(MEASURED_HERE,), device=samples.CPU)
    newest = points(read_newest(log, own))
    assert newest == [("run-1", point) for point in (0, 2, 3, 4, 6, 5)]  # oldest first
    assert points(read_newest(log, own, limit=2)) == [("run-1", 6), ("run-1", 5)]


def test_values_are_those_of_the_records(log):
    assert sorted(distinct_values(log, DECODE, "context_len")) == [(64,), (128,)]
    assert newest_values(log, DECODE, "run_id", limit=2) == [("run-4",), ("run-2",)]
    assert (OTHER.name, 16, "") in distinct_values(
        log, DECODE, "device_name", "device_threads", "machine"
    )


def test_runs_that_searched_come_whole_and_the_complete_ones_first(log):
    for day, contexts in ((10, (64, 128)), (11, (64,))):
        for index, (config, length) in enumerate((c, n) for n in contexts for c in (MHA, GQA)):
            log.append(made(index, config, length, day=day, run_id=f"search-{day}"))
    complete = read_runs(log, DECODE, (64, 128), limit=1)
    assert points(complete) == [("search-10", index) for index in range(4)]
    runs = {run for run, _ in points(read_runs(log, DECODE, (64, 128), limit=9))}
    assert runs == {"run-1", "run-4", "search-10", "search-11"}


def test_pairs_are_those_of_the_rows(log):
    rows = {(r.run_id, r.point): DecodeRow.from_record(r) for r in (*OWN[:8], *IMPORTED)}
    expected = [
        SharingPair.from_rows(rows["run-1", point], rows["run-1", 0]) for point in (1, 2, 5)
    ] + [SharingPair.from_rows(rows["run-4", 1], rows["run-4", 0])]
    assert [pair.is_tie for pair in expected] == [False, False, False, False]
    assert [pair.is_usable for pair in expected] == [True, False, True, True]
    assert sorted(map(repr, sharing_pairs(log, RecordFilter()))) == sorted(map(repr, expected))
    only_gqa = RecordFilter(variants=("GQA",), run_ids=("run-1",))
    assert len(sharing_pairs(log, only_gqa)) == 2


def test_an_empty_log_has_nothing(tmp_path):
    log = RunLog(tmp_path / "none.sqlite")
    assert count_records(log, DECODE).n_records == count_unreadable(log) == 0
    assert read_page(log, DECODE, limit=5).logged == read_newest(log, DECODE).logged == ()
    assert distinct_values(log, DECODE, "kind") == sharing_pairs(log, DECODE) == []
    assert not log.path.exists()
