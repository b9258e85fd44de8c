"""The page on quality without a browser: from an empty log, from records, from shipped ones."""

import json

import pytest
from msgspec.structs import replace

from dashboard.shell import loaders
from dashboard.views.quality import INCOMPLETE, NO_GRID
from gqa_core.records.kinds import encode_record
from gqa_core.records.reference_runs import reference_runs
from gqa_core.records.run_log import RunLogError
from tests.dashboard.page_probe import answer, lazy_expander, metrics, page_texts, small_tables
from tests.quality import fake_runs as grids

STARTS = ("mean", "first", "random", "scratch")


@pytest.fixture
def shipped(monkeypatch):
    """Sets the records that come along."""

    def ship(records):
        monkeypatch.setattr(loaders, "reference_runs", lambda: tuple(records))
        loaders.shipped_quality.clear()

    yield ship
    monkeypatch.undo()
    loaders.shipped_quality.clear()


@pytest.fixture
def opened(opened):
    def open_page(name="quality", **query):
        app = opened(name, **query)
        assert not app.exception
        return app

    return open_page


def log_records(log, records):
    for record in records:
        log.append(record)


def notes(app):
    return [caption.value for caption in app.caption]


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_with_nothing_measured_anywhere_it_says_so_and_shows_what_is_published(opened, shipped):
    shipped([])
    app = opened()
    assert answer(app) is None
    assert INCOMPLETE in notes(app)
    assert [info.value for info in app.info] == [NO_GRID]
    assert not metrics(app)
    (ratios,) = charts(app)
    assert ratios["data"][0]["type"] == "bar"
    assert not app.dataframe
    app = lazy_expander(app, "quality_published")
    assert len(small_tables(app)) == 5  # all that is published


def test_the_shipped_records_answer_before_anything_is_run(opened, shipped):
    shipped(grids.records(STARTS, (0, 1, 2), (0, 5, 20)))
    app = opened()
    assert INCOMPLETE in notes(app)
    assert metrics(app)["MQA, 1 K/V head: loss"] == "1.522"
    assert "(measured elsewhere)" in answer(app)
    assert "Medians of 3 seeds." in page_texts(app)
    uptraining, cache, _ = charts(app)
    assert all(trace["marker"]["symbol"].endswith("-open-dot") for trace in uptraining["data"])
    assert [trace["name"] for trace in cache["data"]] == [
        "shared by mean, 5% uptrained, elsewhere",
        "from scratch, elsewhere",
    ]
    app = lazy_expander(app, "quality_grid")
    assert any("Measured on A CPU with Python 3" in note.replace("\\", "") for note in notes(app))


def test_what_is_measured_here_is_told_once_there_is_all_of_it(opened, log, shipped):
    shipped(grids.records(STARTS, (0, 1, 2), (0, 5, 20)))
    records = grids.records(percents=(0, 1, 2, 5))
    log_records(log, records[:3])
    assert "(measured here)" not in answer(opened())
    log_records(log, [replace(records[3], run_id="run-2")])
    app = opened()
    assert INCOMPLETE not in notes(app)
    assert "(measured here)" in answer(app)
    assert metrics(app)["MQA, 1 K/V head: loss"] == "1.512"
    assert INCOMPLETE in notes(opened(quality_seed=4))
    assert INCOMPLETE in notes(opened(quality_pooling="first"))


def test_an_order_that_does_not_hold_is_said(opened, log, shipped):
    shipped([])
    records = grids.records(percents=(0, 1, 2, 5))
    records[-1] = replace(records[-1], losses=(*records[-1].losses[:-1], 1.0))
    log_records(log, records)
    assert "does **not** hold: MQA, 1 K/V head (1.000) is better than" in page_texts(opened())


def test_records_of_another_text_are_not_shown_and_a_shipped_text_that_differs_is_told(
    opened, log, shipped
):
    log_records(log, grids.records(percents=(0, 1, 2, 5), corpus_sha256="0" * 64))
    shipped(grids.records(corpus_sha256="0" * 64))
    app = opened()
    assert INCOMPLETE in notes(app)
    assert "(measured elsewhere)" in answer(app)
    app = lazy_expander(app, "quality_grid")
    assert any("is a different text" in note for note in notes(app))


def test_a_file_that_is_no_log_is_set_aside_and_said(opened, log, shipped):
    shipped([])
    log.path.write_text("not a database at all, but long enough to be read as one " * 4)
    with pytest.raises(RunLogError):
        log.records()
    assert "was something else and was set aside whole" in opened().warning[0].value


def test_the_link_holds_the_choice_and_nonsense_is_named(opened, shipped):
    shipped([])
    app = opened(quality_pooling="random", quality_percent=20, quality_seed=7)
    assert "--start random" in app.code[-1].value
    assert "--percent 0,1,2,5,10,20 --seed 7" in app.code[-1].value
    wrong = opened(quality_pooling="median")
    assert any("quality_pooling in the link" in code.value for code in wrong.code)


def test_the_overview_takes_its_losses_from_the_shipped_records(opened, shipped):
    shipped(grids.records(STARTS, (0, 1, 2), (0, 5, 20)))
    tables = small_tables(opened("overview"))
    (table,) = [table for table in tables if "Quality" in table[0]]
    quality = {row["Variant"]: row["Quality"] for row in table}
    assert "1.405 nats" in quality["MHA"]
    assert "1.505 nats, small model, 2 of 8" in quality["GQA"]  # 4 queries per K/V head


def test_the_shipped_file_is_read_line_by_line_and_may_be_missing(tmp_path):
    path = tmp_path / "grid.jsonl"
    assert reference_runs(path) == ()
    records = grids.records()
    path.write_text("".join(encode_record(record) + "\n" for record in records))
    assert list(reference_runs(path)) == records
