"""Pages of measured steps with disturbed samples: what they show, and what they do not."""

import pytest

from gqa_core.configs import GroupedConfig
from tests.dashboard.example_settings import DEVICE_INFO
from tests.dashboard.page_probe import answer, lazy_expander, meanings, metrics, small_tables
from tests.records import fake_records as samples

SETTINGS = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 32, "context_len": 512}
MHA, GQA, MQA = (GroupedConfig(n_heads=8, n_kv_heads=n, head_dim=32) for n in (8, 2, 1))
CLEAR = [0.008] * 3
VIEWS = {"roofline": "Bound", "crossover": "Faster from"}  # of the page Decode
INTERVAL = "the 5th percentile of attend is only known to lie between 1 ms and 2.5 ms"
NOISY = {"bandwidth_samples_bytes_per_s": samples.NOISY_BANDWIDTHS}


@pytest.fixture
def page(opened, log, monkeypatch):
    """Opens a page on a log of MHA, GQA and MQA at 512 tokens, with these samples."""
    monkeypatch.setattr("dashboard.shell.loaders.device", lambda: DEVICE_INFO)

    def open_page(name, *spreads, contexts=(512,), **changed):
        index = 0
        for context_len in contexts:
            for layer, attend in zip((MHA, GQA, MQA), spreads, strict=False):
                spec = samples.point(layer, context_len=context_len)
                step = [0.003 + seconds for seconds in attend]
                fields = {"attend": attend, "step_samples": step} | changed
                log.append(samples.record(index=index, spec=spec, **fields))
                index += 1
        view = {"view": VIEWS[name]} if name in VIEWS else {}
        app = opened("decode" if view else name, **SETTINGS, **view)
        assert not app.exception
        return app

    return open_page


def texts(app):
    """Everything that stands on a page as text, without the escapes of Markdown."""
    blocks = [*app.markdown, *app.caption, *app.warning, *app.success, *app.info]
    return " ".join(block.value for block in blocks).replace("\\", "")


def test_decode_shows_no_times_and_no_answer_of_unusable_samples_but_the_reason(page):
    app = page("decode", CLEAR, samples.UNUSABLE, [0.001] * 3)
    assert not metrics(app)
    assert answer(app) is None
    (warning,) = (warning.value.replace("\\", "") for warning in app.warning)
    reason = f"The samples are unusable. 1 of 3 points, such as GQA at 512 tokens: {INTERVAL}."
    assert warning == f"**No times at 512 tokens.** {reason} Run again when the machine is quiet."
    assert "as fast" not in texts(app)
    (table,) = small_tables(lazy_expander(app, "attend"))
    assert [row["Verdict at 512"] for row in table] == ["quiet", "unusable", "quiet"]
    assert [row["Attend at 512 (ms)"] for row in table] == ["8.000", "-", "1.000"]
    assert [row["Speed vs MHA at 512"] for row in table] == ["1.00x", "-", "8.00x"]


def test_decode_says_that_samples_are_noisy_above_its_times(page):
    app = page("decode", CLEAR, [0.002] * 3, **NOISY)
    assert metrics(app) == {"MHA": "8 ms", "GQA": "2 ms"}
    assert meanings(app)["GQA"] == "4x the speed of MHA"
    (note,) = [block.value for block in app.markdown if "noisy samples" in block.value]
    assert note.replace("\\", "") == (
        ":orange-badge[noisy samples] All 2 points, such as MHA at 512 tokens: the usual pass of "
        "the bandwidth probe reached 25% of the best one: other work was running."
    )
    assert not app.warning


def test_decode_counts_no_unusable_samples_at_another_context(page, log):
    spec = samples.point(GQA, context_len=128)
    log.append(samples.record(index=9, spec=spec, attend=samples.UNUSABLE))
    app = lazy_expander(page("decode", CLEAR, [0.002] * 3), "attend")
    assert metrics(app) == {"MHA": "8 ms", "GQA": "2 ms"}
    assert "badge[unusable" not in texts(app)
    assert [row["Attend at 128 (ms)"] for row in small_tables(app)[0]] == ["-", "-"]
    assert [row["Verdict at 512"] for row in small_tables(app)[0]] == ["quiet", "quiet"]
    assert f"unusable samples: 1 of 3 points, such as GQA at 128 tokens: {INTERVAL}." in texts(app)
    assert "the attend times of 2 rows" in texts(app)  # predicted, of those that count


def test_decode_says_nothing_of_quiet_samples_but_in_its_table(page):
    app = page("decode", CLEAR, [0.002] * 3)
    assert "samples]" not in texts(app)
    table = lazy_expander(app, "performance").dataframe[0].value
    assert table["Verdict"].tolist() == ["quiet", "quiet"]


@pytest.mark.parametrize("name", ["decode", "roofline", "crossover"])
def test_the_verdict_stands_above_the_metrics(page, name):
    app = page(name, CLEAR, [0.002] * 3, contexts=(64, 128, 256, 512), **NOISY)
    parts = [
        "verdict" if "badge[noisy samples]" in str(getattr(element, "value", "")) else "strip"
        for element in app.main
        if "badge[noisy" in str(getattr(element, "value", ""))
        or "metric-strip" in str(getattr(element.proto, "body", ""))
    ]
    assert parts == ["verdict", "strip"]


def test_decode_ranks_no_variants_whose_intervals_overlap(page):
    mha = samples.around(0.0021, low=0.002, high=0.0023, median=0.0024)
    near = samples.around(0.0019, low=0.0018, high=0.00205, median=0.004)
    app = page("decode", mha, near, [0.001] * 21)
    assert metrics(app)["GQA"] == "1.9 ms"
    assert meanings(app) == {
        "MHA": "the baseline",
        "GQA": "not told apart from MHA",
        "MQA": "2.1x the speed of MHA",
    }
    sentence = answer(app).replace("\\", "")
    assert "MQA is 2.1x as fast. GQA cannot be told apart from it." in sentence
    (table,) = small_tables(lazy_expander(app, "attend"))
    assert [row["Speed vs MHA at 512"] for row in table] == ["1.00x", "-", "2.10x"]
    full = lazy_expander(app, "performance").dataframe[0].value
    assert full["Speed vs MHA"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("name", ["decode", "roofline"])
def test_a_withheld_bound_is_said_with_its_reason(page, name):
    app = lazy_expander(page(name, [0.0004] * 3, [0.002] * 3), "attend")  # the bound is 0.5 ms
    (sentence,) = [text.value for text in app.caption if text.value.startswith("The bound of")]
    assert sentence.replace("\\", "") == (
        "The bound of 1 of 2 points is withheld: attending took 400 us, less than the bound of "
        "500 us: other work slowed the probes, or they do not reach what this device can do."
    )
    if name == "decode":
        assert [row["Share of the bound at 512 (%)"] for row in small_tables(app)[0]] == [
            "-",
            "25%",
        ]
    else:
        assert metrics(app)["Share of the bound"] == "25%"
        assert meanings(app)["Share of the bound"] == "median of 1 point"


def test_the_roofline_of_unusable_samples_has_no_metrics_and_no_answer(page):
    app = page("roofline", samples.UNUSABLE, samples.UNUSABLE)
    assert not metrics(app)
    assert answer(app) is None
    assert [warning.value.split("**")[1] for warning in app.warning] == ["No roof."]
    assert f"All 2 points, such as MHA at 512 tokens: {INTERVAL}." in texts(app)


def test_the_share_on_the_roofline_is_of_usable_points(page):
    app = page("roofline", [0.001] * 3, samples.UNUSABLE)
    assert metrics(app)["Share of the bound"] == "50%"
    assert meanings(app)["Share of the bound"] == "median of 1 point"
    assert "samples]" not in texts(app)  # those that count are quiet
    assert "Not counted, for unusable samples: 1 of 2 points, such as GQA at 512" in texts(app)
    assert "1 more has none" in texts(app)


def test_the_roofline_has_no_share_where_every_bound_is_withheld(page):
    app = page("roofline", [0.0004] * 3, [0.0003] * 3)
    assert metrics(app)["Share of the bound"] == "withheld"
    assert "No point shown has a share of its bound" in answer(app)


def test_a_crossover_of_unusable_samples_has_no_metrics_and_no_answer(page):
    app = page("crossover", samples.UNUSABLE, [0.001] * 21, contexts=(64, 128, 256, 512))
    assert not metrics(app)
    assert answer(app) is None
    assert [warning.value.split("**")[1] for warning in app.warning] == ["No crossovers."]


def test_a_crossover_is_not_found_where_intervals_overlap(page):
    near = samples.around(0.0019, low=0.0018, high=0.00205, median=0.0021)
    mha = samples.around(0.0021, low=0.002, high=0.0023, median=0.009)
    app = page("crossover", mha, near, [0.001] * 21, contexts=(64, 128, 256, 512))
    assert metrics(app) == {"GQA-2": "at no context", "MQA": "every context"}
    assert meanings(app)["GQA-2"] == "attending alone: at no context"
    assert "GQA-2 at no context up to 512 tokens; with MQA at every context" in texts(app)


def test_the_runs_page_ranks_no_overlap_and_compares_nothing_unusable(page):
    mha = samples.around(0.0021, low=0.002, high=0.0023, median=0.003)
    near = samples.around(0.0019, low=0.0018, high=0.00205, median=0.003)
    app = page("runs", mha, near, samples.UNUSABLE)
    assert "faster in 0 of 1, not told apart in 1." in answer(app)
    assert answer(app).endswith("Left out for unusable samples: 1 pair.")
    table = lazy_expander(app, "runs").dataframe[0].value
    assert table["Speed vs MHA"].isna().tolist() == [False, True, True]
    assert table["Verdict"].tolist() == ["quiet", "quiet", "unusable"]
