"""The page of runs without a browser: empty, filtered, compared, and records that come in."""

import json

import pytest
from msgspec.structs import replace

from dashboard.shell import loaders
from dashboard.shell.page import PAGES
from dashboard.shell.panels import escape_markdown
from gqa_core.configs import GroupedConfig
from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE, Device, DeviceInfo
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
    kinds = ["generation"] * 2 + ["growing cache"] * 3 + ["comparison"] + ["small model"] * 4
    assert other_kinds["Kind"].tolist() == kinds
    assert (
        other_kinds["Measured"][4]
        == "128 tokens appended, paged blocks of 64, 2 of 2 heads x 16, float32"
    )
    assert other_kinds["Result"][5] == "pass, 2.5e-07 apart"
    assert other_kinds["Evidence"].tolist() == [MEASURED_HERE] * 6 + [MEASURED_ELSEWHERE] * 4
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
        assert loaders.logged_records(kind) == ()
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
    device = record.device
    info = DeviceInfo(
        type=device.type,
        name=device.name,
        n_threads=device.n_threads,
        torch_version="2.13.0",
        free_bytes=2**30,
    )
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda: info)
    app = opened("decode", n_heads=8, n_kv_heads=2, head_dim=32)
    assert "Nothing is measured" in app.info[0].value
    assert len(app.dataframe) == 0
