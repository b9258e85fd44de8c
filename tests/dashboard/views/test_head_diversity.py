"""Heads on a text: the maps and matrices drawn, and the component with its two facts in words."""

import re
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.figures.attention_maps import attention_maps, token_labels
from dashboard.figures.head_colors import kv_head_color
from dashboard.figures.head_similarity import head_similarity
from dashboard.figures.style import translucent
from dashboard.report.head_tables import similarity_table
from dashboard.shell import loaders
from dashboard.shell.job_queue import MachineBusyError, QueryError
from gqa_core.records.head_inspection import HeadInspection, InspectedModel
from tests.dashboard.page_probe import metrics

N_HEADS, N_TOKENS = 8, 9
WEIGHTS = [
    [[1 / (row + 1) if index <= row else 0 for index in range(N_TOKENS)] for row in range(N_TOKENS)]
] * N_HEADS


def blocks(n_kv_heads, apart):
    """CKA of 1 within a K/V head and `apart` between two."""
    per = N_HEADS // n_kv_heads
    return [[1 if i // per == j // per else apart for j in range(N_HEADS)] for i in range(N_HEADS)]


def patterns():
    """Heads i and j alike by 1 - |i - j| / 10."""
    return [[1 - abs(i - j) / 10 for j in range(N_HEADS)] for i in range(N_HEADS)]


def answered(question):
    """An answer with numbers that differ from each other."""
    return HeadInspection(
        tokens=tuple(question.tokens)[:N_TOKENS],
        layer=question.layer,
        start=question.start,
        n_heads=N_HEADS,
        noise_cka=0.25,
        models=tuple(inspected(count) for count in question.n_kv_heads),
    )


def inspected(n_kv_heads):
    """A model with this many K/V heads."""
    return InspectedModel(
        n_kv_heads=n_kv_heads,
        weights=WEIGHTS,
        similarity={
            "keys": blocks(n_kv_heads, 0.5),
            "values": blocks(n_kv_heads, 0.25),
            "patterns": patterns(),
        },
        effective={"keys": n_kv_heads * 0.7, "values": n_kv_heads * 0.6, "patterns": 5.5},
    )


@pytest.fixture
def inspections(monkeypatch):
    """The questions that the component asked."""
    questions = []
    monkeypatch.setattr(loaders, "heads", lambda q: questions.append(q) or answered(q))
    return questions


def shown(**query):
    def page():
        from dashboard.views.head_diversity import show_head_diversity

        show_head_diversity()

    app = AppTest.from_function(page, default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


@pytest.mark.parametrize(("n_kv_heads", "grounds"), [(8, 0), (4, 4), (2, 2), (1, 1)])
def test_every_head_has_a_map_and_sharers_one_ground(n_kv_heads, grounds):
    figure = attention_maps(WEIGHTS, n_kv_heads, b"some text")
    assert [trace.name for trace in figure.data] == [f"query head {i}" for i in range(8)]
    fills = [shape.fillcolor for shape in figure.layout.shapes]
    per = 8 // n_kv_heads
    assert len(set(fills)) == grounds
    if grounds:
        assert fills == [translucent(kv_head_color(head // per)[0]) for head in range(8)]
    titles = [note.text for note in figure.layout.annotations]
    assert titles == [f"<b>head {head}</b> reads K/V {head // per}" for head in range(8)]


def test_grounds_of_sharers_touch_and_hold_their_maps():
    figure = attention_maps(WEIGHTS, 2, b"some text")
    first, second, third = figure.layout.shapes[:3]
    assert first.x1 == second.x0
    assert third.y1 == pytest.approx(first.y0)
    low, high = figure.layout.yaxis.domain
    assert first.y0 <= low < high < first.y1


def test_what_no_head_sees_is_left_open_and_colours_stay():
    figure = attention_maps(WEIGHTS, 2, b"some text")
    assert list(figure.data[0].z[2]) == [1 / 3] * 3 + [None] * 6
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 1)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the text runs down
    assert figure.layout.xaxis.ticktext[4] == "byte 4, ' '"


def test_a_byte_that_is_no_letter_is_named_in_hexadecimal():
    labels = token_labels("a\u00e9 ".encode())
    assert labels == ["byte 0, 'a'", "byte 1, 0xc3", "byte 2, 0xa9", "byte 3, ' '"]


def test_similarity_is_drawn_before_and_after_on_fixed_colours_with_sharers_framed():
    both = {
        count: {"keys": blocks(count, 0.5), "values": blocks(count, 0.2), "patterns": patterns()}
        for count in (8, 2)
    }
    figure = head_similarity(both)
    assert [trace.name for trace in figure.data] == ["Keys", "Values", "Attention"] * 2
    assert figure.data[3].z[0] == [1] * 4 + [0.5] * 4
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 1)
    frames = [(s.x0, s.x1, s.line.color) for s in figure.layout.shapes]
    assert frames == [(-0.5, 3.5, kv_head_color(0)[0]), (3.5, 7.5, kv_head_color(1)[0])] * 3
    names = {note.text for note in figure.layout.annotations}
    assert {"<b>8 K/V heads</b>", "<b>2 K/V heads</b>", "Keys", "Values", "Attention"} == names


def test_the_component_asks_and_says_both_facts(inspections):
    app = shown()
    assert not app.exception
    (question,) = inspections
    assert (question.n_kv_heads, question.layer, question.start) == ((8, 2), 1, "mean")
    assert metrics(app) == {
        "Keys: distinct heads": "1.4 of 8",
        "Values: distinct heads": "1.2 of 8",
        "Attention: distinct heads": "5.5 of 8",
    }
    message = " ".join(block.value for block in app.markdown)
    assert "CKA is exactly 1, and at most 2 of 8 are distinct" in message
    assert "a CKA of 0.70 to 0.90 here" in message  # heads 0 and 3, and neighbours
    assert "What it cannot show." in message
    assert "about **0.25**" in message
    assert len(app.get("plotly_chart")) == 3


def test_a_link_and_the_widgets_change_what_is_asked(inspections):
    app = shown(heads_layer="3", heads_n_kv_heads="4", heads_text="a text by link")
    app.button_group(key="heads_start").set_value("first").run()
    last = inspections[-1]
    assert (last.layer, last.n_kv_heads, last.start) == (3, (8, 4), "first")
    assert last.text == "a text by link"


def test_a_text_that_cannot_be_asked_about_is_one_sentence(inspections):
    app = shown()
    app = app.text_input(key="heads_text").set_value("<b>*").run()
    assert not app.exception
    (warning,) = app.warning
    plain = re.sub(r"\\(.)", r"\1", warning.value)
    assert plain == "The heads cannot be shown: text must have 8 to 96 bytes: got 4."
    assert len(inspections) == 1


def test_a_child_that_fails_is_one_sentence(inspections, monkeypatch):
    def fail(question):
        raise QueryError("checkpoint cannot be read")

    monkeypatch.setattr(loaders, "heads", fail)
    (warning,) = shown().warning
    assert "checkpoint cannot be read" in warning.value


def test_heads_are_not_inspected_during_a_run_and_the_page_says_so(inspections, monkeypatch):
    def refuse(question):
        raise MachineBusyError("a run is being measured")

    monkeypatch.setattr(loaders, "heads", refuse)
    monkeypatch.setattr(loaders, "job_queue", lambda: SimpleNamespace(**BUSY_QUEUE))
    app = shown()
    assert not app.exception
    (info,) = app.info
    assert info.value == "This machine is measuring. The heads are shown when the run is done."


BUSY_QUEUE = {"is_measuring": True, "known_device": lambda name: None}


def test_the_download_has_every_pair_of_both_models(inspections):
    shown()
    table = similarity_table(answered(inspections[0])).frame()
    assert len(table) == 2 * 3 * 28
    row = table[(table["K/V heads"] == 2) & (table["Compared"] == "Values")]
    assert row[(row["Head"] == 4) & (row["Other head"] == 3)]["CKA"].tolist() == [0.25]
