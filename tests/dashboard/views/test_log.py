"""The page of runs without a browser: empty, filtered, compared, and records that come in."""

import json
import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

from dashboard.shell import logged
from dashboard.shell.page import PAGES
from dashboard.shell.panels import escape_markdown
from gqa_core.configs import GroupedConfig
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE, Device, DeviceInfo
from gqa_core.records.kinds import decode_record
from gqa_core.records.log.rows import insert_new, log_row
from gqa_core.sample_runs.reader import SUFFIX, write_sample_file
from tests.dashboard.page_probe import answer, metrics
from tests.quality import fake_runs as grids
from tests.records import fake_comparisons as comparisons
from tests.records import fake_generations as generations
from tests.records import fake_records as samples
from tests.records.import_cases import jsonl

HTML = "<img src=x onerror=alert(1)> **GPU** :red[x]"
OTHER = Device(type="cpu", name=HTML, n_threads=4)


@pytest.fixture
def opened(opened):
    def open_page(name="runs", **query):
        app = opened(name, **query)
        for table in ("runs", "others"):
            app.session_state[f"{table}_unfolded"] = True
        return app.run()

    return open_page


def texts(app):
    return [element.value for element in (*app.markdown, *app.caption, *app.warning, *app.success)]


def device_info():
    return DeviceInfo(
        type=samples.CPU.type,
        name=samples.CPU.name,
        n_threads=samples.CPU.n_threads,
        torch_version="2.13.0",
        free_bytes=2**30,
    )


def fill(log):
    mha = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=16)
    log.append(samples.record(index=0, spec=samples.point(mha), attend=[0.004] * 3))
    log.append(samples.record(index=1))
    elsewhere = samples.record(run_id="run-2", device=OTHER)
    log.import_records([replace(elsewhere, created_at="2026-11-22T08:00:00+00:00")])


def fill_with_others(log):
    for record in generations.records():
        log.append(replace(record, run_id="run-3"))
    log.append(comparisons.record(run_id="run-4"))
    log.import_records(grids.records(run_id="run-5", device=OTHER))


def test_records_of_every_kind_stand_in_a_table_of_their_own(opened, log):
    fill(log)
    fill_with_others(log)
    app = opened()
    assert not app.exception
    decode, other_kinds = (frame.value for frame in app.dataframe)
    assert (len(decode), len(other_kinds)) == (3, 10)
    assert metrics(app)["Records"] == "13"
    assert metrics(app)["Measured elsewhere"] == "5"
    counts = {"generation": 2, "growing cache": 3, "comparison": 1, "small model": 4}
    assert other_kinds["Kind"].value_counts().to_dict() == counts
    assert other_kinds["When (UTC)"].is_monotonic_decreasing
    by_kind = {kind: rows.reset_index() for kind, rows in other_kinds.groupby("Kind")}
    assert (
        "128 tokens appended, paged blocks of 64, 2 of 2 heads x 16, float32"
        in by_kind["growing cache"]["Measured"].tolist()
    )
    assert by_kind["comparison"]["Result"][0] == "pass, 2.5e-07 apart"
    for kind, rows in by_kind.items():
        expected = MEASURED_ELSEWHERE if kind == "small model" else MEASURED_HERE
        assert set(rows["Evidence"]) == {expected}
    assert set(other_kinds["Page"]) <= {entry.title for entry in PAGES}


@pytest.mark.parametrize(
    ("field", "values", "left"),
    [
        ("kind", ["generation"], (0, 2)),
        ("kind", ["decode step"], (3, 0)),
        ("evidence", [MEASURED_ELSEWHERE], (1, 4)),
        ("device", [f"{HTML}, 4 threads"], (1, 4)),
        ("run", ["run-1", "run-4"], (2, 1)),
        ("variant", ["MHA"], (1, 10)),  # no other kind has one
    ],
)
def test_a_filter_narrows_all_kinds_that_have_its_field(opened, log, field, values, left):
    fill(log)
    fill_with_others(log)
    app = opened()
    app = app.multiselect(key=f"only_{field}").set_value(values).run()
    assert not app.exception
    assert metrics(app)["Records"] == str(sum(left))
    tables = [frame.value for frame in app.dataframe]
    assert [len(table) for table in tables] == [count for count in left if count]


def test_a_log_without_decode_steps_shows_what_it_has(opened, log):
    fill_with_others(log)
    app = opened()
    assert not app.exception
    assert len(app.dataframe) == 1
    assert "nothing to compare" in answer(app)


def test_decode_steps_of_one_device_are_said_to_be_just_those(opened, log):
    log.append(samples.record(index=1))
    log.import_records(grids.records(run_id="run-5", device=OTHER))
    app = opened()
    assert metrics(app)["Devices"] == "2"
    sentence = "All decode steps shown are from one device: there is nothing to compare it with."
    assert any(sentence in text for text in texts(app))


def test_records_of_every_kind_come_in_and_no_other_page_shows_them(opened, log):
    lie = replace(grids.records(run_id="run-6")[0], cache_bytes=1)
    records = [
        *generations.records(),
        comparisons.record(run_id="run-4"),
        *grids.records(run_id="run-5"),
    ]
    app = opened()
    app.text_area(key="import_text").input(jsonl(*records, lie)).run()
    app = app.button(key="import_button").click().run()
    assert not app.exception
    assert app.warning[0].value.startswith("Text: 10 imported, 1 refused.")
    assert app.code[0].value == "line 11: cache_bytes must be 524288: got 1"
    assert len(app.dataframe[0].value) == 10
    for kind in ("verify", "generate", "growth", "quality"):
        assert list(logged.records(kind).value) == []
    assert log.records() == records


def test_an_empty_log_says_so_and_still_takes_records(opened, log):
    app = opened()
    assert not app.exception
    assert "The log is empty" in app.info[0].value
    app.text_area(key="import_text").input(jsonl(samples.record())).run()
    app = app.button(key="import_button").click().run()
    assert not app.exception
    assert app.success[0].value == "Text: 1 imported, 0 refused."
    assert metrics(app)["Measured elsewhere"] == "1"
    assert [entry.evidence for entry in log.read().logged] == [MEASURED_ELSEWHERE]


def test_every_record_stands_in_the_table_with_its_evidence(opened, log):
    fill(log)
    app = opened()
    assert not app.exception
    table = app.dataframe[0].value
    assert table["Evidence"].tolist() == [MEASURED_HERE, MEASURED_HERE, MEASURED_ELSEWHERE]
    assert table["Speed vs MHA"].tolist()[:2] == [1.0, 2.0]
    assert metrics(app) == {
        "Records": "3",
        "Runs": "2",
        "Devices": "2",
        "Measured elsewhere": "1",
    }
    assert answer(app).startswith("In 1 pair of GQA or MQA with the MHA of the same run")


@pytest.mark.parametrize(
    ("field", "value", "left"),
    [
        ("variant", "MHA", 1),
        ("context", 64, 3),
        ("dtype", "float32", 3),
        ("evidence", MEASURED_HERE, 2),
        ("device", f"{HTML}, 4 threads", 1),
        ("date", "2026-11-22", 1),
        ("run", "run-1", 2),
    ],
)
def test_a_filter_narrows_the_table(opened, log, field, value, left):
    fill(log)
    app = opened()
    app = app.multiselect(key=f"only_{field}").set_value([value]).run()
    assert not app.exception
    assert len(app.dataframe[0].value) == left
    assert metrics(app)["Records"] == str(left)


def test_filters_that_leave_nothing_say_so(opened, log):
    fill(log)
    app = opened()
    app.multiselect(key="only_variant").set_value(["MHA"])
    app = app.multiselect(key="only_run").set_value(["run-2"]).run()
    assert not app.exception
    assert "No record passes" in app.info[0].value
    assert len(app.dataframe) == 0


def test_a_link_restores_the_filter_and_nonsense_in_it_falls_back(opened, log):
    fill(log)
    assert len(opened(only_evidence=MEASURED_HERE).dataframe[0].value) == 2
    app = opened(only_evidence="believed", only_context="many")
    assert not app.exception
    assert len(app.dataframe[0].value) == 3
    assert app.code[0].value.splitlines() == [
        "only_context in the link must be one of its options: got 'many', none of them used",
        "only_evidence in the link must be one of its options: got 'believed', none of them used",
    ]


@pytest.mark.parametrize("by", ["device", "date", "run"])
def test_two_selections_share_a_chart(opened, log, by):
    fill(log)
    app = opened()
    app = app.segmented_control(key="by").set_value(by).run()
    assert not app.exception
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [trace["name"] for trace in figure["data"]] == ["A: MHA", "A: GQA 2 K/V", "B: GQA 2 K/V"]
    assert figure["data"][2]["marker"]["symbol"] == "square-open-dot"
    assert any("Over 1 point that both have" in text for text in texts(app))
    second = app.selectbox(key=f"second_{by}").value
    app = app.selectbox(key=f"first_{by}").set_value(second).run()
    assert not app.exception
    assert app.selectbox(key=f"second_{by}").value != second
    app = app.multiselect(key="only_run").set_value(["run-1"]).run()
    assert not app.exception
    assert any(f"from one {by}: there" in text for text in texts(app))


def test_a_file_with_right_and_wrong_lines_is_taken_in_part(opened, log):
    fill(log)
    wrong = [replace(samples.record(index=index), variant="<b>MQA</b>") for index in range(30)]
    right = samples.record(index=7, run_id="run-3")
    app = opened()
    data = jsonl(right, *wrong).encode()
    app.file_uploader(key="import_file").upload("records.jsonl", data, "application/json")
    app = app.button(key="import_button").click().run()
    assert not app.exception
    assert app.warning[0].value.startswith("File: 1 imported, 30 refused.")
    message = app.code[0].value.splitlines()
    assert message[0] == "line 2: variant must be one of MHA, GQA, MQA, MLA: got '<b>MQA</b>'"
    assert (len(message), message[-1]) == (21, "... and 10 more")
    assert len(log.records()) == 4
    assert len(app.dataframe[0].value) == 4


def test_an_import_of_nothing_and_of_too_much_is_one_sentence(opened, log):
    app = opened()
    app = app.button(key="import_button").click().run()
    assert "choose a file" in app.error[0].value.replace("\\", "")
    data = b" " * 2**20 + jsonl(samples.record()).encode()
    app.file_uploader(key="import_file").upload("records.jsonl", data, "application/json")
    app = app.button(key="import_button").click().run()
    assert "at most 1 MiB can be imported at once" in app.error[0].value.replace("\\", "")
    assert not log.path.exists()


def test_a_log_that_cannot_be_written_is_said(opened, monkeypatch):
    monkeypatch.setenv("GQA_RUN_LOG", "/proc/runs.sqlite")
    app = opened()
    app.text_area(key="import_text").input(jsonl(samples.record()))
    app = app.button(key="import_button").click().run()
    assert not app.exception
    assert "cannot be written" in app.error[0].value


def test_a_name_made_of_html_and_markdown_is_in_no_markdown_of_the_page(opened, log):
    fill(log)
    app = opened()
    assert f"{HTML}, 4 threads" in app.dataframe[0].value["Device"].tolist()
    assert not any("onerror" in text for text in texts(app))
    assert escape_markdown("<b> **a** $x$ :red[y]") == r"\<b\> \*\*a\*\* \$x\$ \:red\[y\]"


def test_what_was_imported_is_not_shown_as_this_machine_s(opened, log, monkeypatch):
    record = samples.record(spec=samples.point(GroupedConfig(n_heads=8, n_kv_heads=2, head_dim=32)))
    log.import_records([record])
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda *names: device_info())
    app = opened("decode", n_heads=8, n_kv_heads=2, head_dim=32)
    assert "Nothing is measured" in app.info[0].value
    assert len(app.dataframe) == 0


@pytest.fixture
def short_pages(monkeypatch):
    monkeypatch.setattr("dashboard.views.log.ROWS_PER_PAGE", 2)
    monkeypatch.setattr("dashboard.views.shown_runs.ROWS_PER_PAGE", 2)


def shown_points(app):
    return app.dataframe[0].value["Point"].tolist()


def test_a_long_log_is_shown_in_pages_newest_first(opened, log, short_pages):
    for index in range(5):
        log.append(samples.record(index=index, created_at=f"2026-11-2{index}T20:00:00+00:00"))
    app = opened()
    assert not app.exception
    assert metrics(app)["Records"] == "5"
    assert shown_points(app) == [4, 3]
    assert "Rows 1 to 2 of 5, newest first." in texts(app)
    app.session_state["runs_page"] = 3
    app = app.run()
    assert shown_points(app) == [0]
    app = app.multiselect(key="only_date").set_value(["2026-11-21", "2026-11-22"]).run()
    assert shown_points(app) == [2, 1]  # there is no page 3 any more
    assert not any("newest first" in text for text in texts(app))


def test_the_speed_against_mha_is_that_of_a_run_on_another_page(opened, log, short_pages):
    mha = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=16)
    first = "2026-11-20T20:00:00+00:00"
    log.append(
        samples.record(index=0, spec=samples.point(mha), attend=[0.004] * 3, created_at=first)
    )
    for index in (1, 2):
        log.append(samples.record(index=index))
    app = opened()
    assert shown_points(app) == [1, 2]
    assert app.dataframe[0].value["Speed vs MHA"].tolist() == [2.0, 2.0]
    assert answer(app).startswith("In 2 pairs of GQA or MQA with the MHA of the same run")


def test_sample_runs_follow_the_log_s_own_records(opened, log, sample_folder, short_pages):
    write_sample_file(sample_folder / f"cpu{SUFFIX}", [samples.record(run_id="sample", index=7)])
    for index in range(3):
        log.append(samples.record(index=index))
    app = opened(with_samples="true")
    assert metrics(app)["Records"] == "4"
    assert shown_points(app) == [0, 1]
    app.session_state["runs_page"] = 2
    app = app.run()
    assert shown_points(app) == [2, 7]
    assert not app.exception


def test_a_log_that_cannot_be_read_is_one_warning_and_the_page_goes_on(opened, log):
    log.path.write_text("Dear diary, today I measured attention. " * 40)
    app = opened()
    assert not app.exception
    (warning,) = [text.value for text in app.warning if "set aside" in text.value]
    assert warning.startswith(
        "The file of the run log was something else and was set aside whole as runs"
    )


def test_a_record_that_cannot_be_read_is_counted_when_it_would_be_shown(opened, log):
    fill(log)
    with closing(sqlite3.connect(log.path)) as connection, connection:
        connection.execute("UPDATE gqa_bodies SET body = 'Dear diary' WHERE record_id = 2")
    app = opened()
    assert not app.exception
    assert len(app.dataframe[0].value) == 2
    assert any(
        "1 record of the log cannot be read" in text.replace("\\", "") for text in texts(app)
    )


PAGES_OF_THE_LOG = ("decode", "kv_cache", "choose", "runs", "why_cache", "quality", "equivalence")


def test_no_page_reads_more_of_the_log_than_it_shows(opened, log, monkeypatch):
    rows = [
        log_row(samples.record(index=index, run_id=f"run-{index}"), evidence)
        for evidence, first in ((MEASURED_HERE, 0), (MEASURED_ELSEWHERE, 800))
        for index in range(first, first + 800)
    ]
    log._database.write(lambda connection: insert_new(connection, rows))
    decoded = []
    monkeypatch.setattr(
        "gqa_core.records.log.rows.decode_usable_record",
        lambda body: decoded.append(body) or decode_record(body),
    )
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda *names: device_info())
    for name in PAGES_OF_THE_LOG:
        decoded.clear()
        app = opened(name)
        assert not app.exception
        assert len(decoded) <= 350, name
