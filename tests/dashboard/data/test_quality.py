"""Records of quality as series, tables, sentences and figures, from losses told by hand."""

import dataclasses

import pytest
from msgspec.structs import replace

from dashboard.data import quality as rows
from dashboard.data.published_ratios import published_ratios
from dashboard.figures.loss_vs_cache import loss_vs_cache
from dashboard.figures.loss_vs_percent import loss_vs_percent
from dashboard.figures.published_ratios import published_ratios_figure
from dashboard.figures.score_vs_time import score_vs_time
from dashboard.figures.style import VARIANT_STYLES, style_for_sharing
from dashboard.report import quality_sentences as sentences
from dashboard.report.metric import Metric
from dashboard.report.quality_tables import loss_table
from dashboard.settings.measurement import QualitySettings
from gqa_core.catalog.corpus import python_topics
from gqa_core.catalog.models import models
from gqa_core.catalog.results import published_results
from gqa_core.commands.quality import quality as quality_command
from gqa_core.records.kinds.quality import unanswered_specs
from gqa_core.records.specs.quality import SCRATCH
from gqa_core.records.summaries import line
from gqa_core.theory.kv_heads import main_attention
from tests.quality import fake_runs as grids

MEASURED_HERE, MEASURED_ELSEWHERE = "measured here", "measured elsewhere"
SHA256 = python_topics().sha256
SEEDS = (0, 1, 2)


def series(start="mean", evidence=MEASURED_HERE, **options):
    return rows.loss_series(grids.records((start,), SEEDS, **options), start, evidence)


def swapped(all_series, n_kv_heads, percent, spread):
    """The series with another loss at one point."""
    return [
        item
        if item.n_kv_heads != n_kv_heads
        else rows.LossSeries(
            **{name: getattr(item, name) for name in item.__slots__ if name != "spreads"},
            spreads={**item.spreads, percent: spread},
        )
        for item in all_series
    ]


def test_the_command_measures_the_points_of_the_choice():
    settings = QualitySettings(pooling="first", seed=3, percent=5)
    options = quality_command.make_context("quality", list(settings.arguments[1:])).params
    assert (options["start"], options["seed"]) == (("first",), (3,))
    assert options["n_kv_heads"] == (8, 4, 2, 1)
    assert options["percent"] == settings.percents == (0, 1, 2, 5)
    assert [point.n_kv_heads for point in settings.specs] == [8, 4, 2, 1]


def test_a_longer_uptraining_answers_a_shorter_one_and_another_seed_does_not():
    longer = grids.records(percents=(0, 1, 2, 5, 10, 20))
    settings = QualitySettings(pooling="mean", seed=0, percent=5)
    assert unanswered_specs(settings.specs, longer, SHA256) == []
    other = QualitySettings(pooling="mean", seed=1, percent=5)
    assert len(unanswered_specs(other.specs, longer, SHA256)) == 4


def test_a_series_is_a_number_of_heads_and_its_spread_is_that_of_the_seeds():
    all_series = series()
    assert [item.name for item in all_series] == [
        "MHA, 8 K/V heads",
        "GQA, 4 K/V heads",
        "GQA, 2 K/V heads",
        "MQA, 1 K/V head",
    ]
    assert all_series[1].seeds == SEEDS
    assert all_series[1].spreads[0] == pytest.approx((1.80, 1.81, 1.82))
    # 128 tokens x 4 layers x (K and V) x 4 heads x 16 x 4 B
    assert all_series[1].cache_bytes == 128 * 4 * 2 * 4 * 16 * 4


def test_mha_is_the_same_for_every_pooling_and_another_model_from_scratch():
    records = grids.records(("mean", "random", "scratch"), SEEDS)
    for start, expected in (("random", 1.41), ("mean", 1.41)):
        mha = rows.loss_series(records, start, MEASURED_HERE)[0]
        assert (mha.n_kv_heads, mha.spreads[0][1]) == (8, pytest.approx(expected))
    scratch = rows.loss_series(records, SCRATCH, MEASURED_HERE)
    assert scratch[0].spreads.keys() == {100}
    assert scratch[0].final(5) == pytest.approx((1.50, 1.51, 1.52))
    assert len(scratch) == 4


def test_of_a_point_measured_twice_the_newest_counts():
    again = grids.records(run_id="run-2")
    again[0] = replace(again[0], losses=(9.0, 8.0))
    all_series = rows.loss_series([*grids.records(), *again], "mean", MEASURED_HERE)
    assert all_series[0].spreads == {0: (9.0,) * 3, 5: (8.0,) * 3}


def test_losses_of_another_text_or_recipe_are_not_compared():
    records = grids.records()
    assert rows.comparable(records, SHA256) == records
    assert rows.comparable(records, "another") == []
    config = dataclasses.replace(records[0].training_config, n_steps=10)
    retrained = [replace(record, training_config=config) for record in records]
    assert rows.comparable(retrained, SHA256) == []


def test_the_table_has_a_line_for_each_series_and_percent():
    table = loss_table([*series(), *series(SCRATCH, MEASURED_ELSEWHERE)]).frame()
    assert len(table) == 4 * 2 + 4
    line = table.iloc[-1]
    assert (line["Model"], line["Trained (%)"], line["Seeds"]) == ("MQA, 1 K/V head", 100, 3)
    assert line["Evidence"] == MEASURED_ELSEWHERE
    # 787,584 of MHA less 2 x 7/8 x 128 x 128 in each of 4 layers
    assert (table["Parameters"].max(), line["Parameters"]) == (787_584, 672_896)


def test_metrics_tell_before_after_and_cache():
    all_series = sentences.metrics(series(), 5)
    assert all_series[0] == Metric(
        "MHA, 8 K/V heads: loss",
        "1.405",
        "1.410 before uptraining; the baseline",
        "MHA",
    )
    assert all_series[-1].note.endswith("cache 8x smaller")
    assert sentences.metrics(series(), 20) == []


def test_the_order_is_said_to_hold_only_where_it_does():
    all_series = series()
    assert "holds in the medians: 1.405 <= 1.472 <= 1.505 <= 1.522" in (
        sentences.order_sentence(all_series, 5)
    )
    outside = sentences.order_sentence(swapped(all_series, 1, 5, (1.0, 1.1, 1.2)), 5)
    assert "does **not** hold: MQA, 1 K/V head (1.100) is better than GQA, 2 K/V heads" in outside
    assert "beyond the spread" in outside
    within = sentences.order_sentence(swapped(all_series, 1, 5, (1.48, 1.50, 1.60)), 5)
    assert "within the spread" in within
    assert sentences.order_sentence(all_series, 20) == ""
    assert sentences.order_sentence(all_series[:3], 5) == ""
    assert sentences.order_sentence([], 5) == ""


def test_the_best_pooling_is_named_for_each_number_of_heads():
    by_start = {start: series(start) for start in ("first", "mean", "random")}
    sentence = sentences.pooling_sentence(by_start, 5)
    assert "GQA, 4 K/V heads: mean (1.472); GQA, 2 K/V heads: mean (1.505)" in sentence
    assert "MHA" not in sentence
    by_start["random"] = swapped(by_start["random"], 2, 5, (1.0, 1.1, 1.2))
    assert "GQA, 2 K/V heads: random (1.100)" in sentences.pooling_sentence(by_start, 5)
    assert sentences.pooling_sentence({}, 5) == ""


def test_the_answer_tells_cost_and_what_is_bought_back():
    sentence = sentences.answer(series(), series(SCRATCH, MEASURED_ELSEWHERE), 5)
    # 4 heads: 1.810 - 1.410 at once, 1.472 - 1.405 after 5%
    assert sentence == (
        "**4, 2 and 1 K/V heads in place of 8 cost +0.067, +0.100 and +0.117 nats per byte** after "
        "5% more training (measured here). Right after sharing they cost +0.400, +0.600 and "
        "+0.700. A model trained from scratch with a single K/V head costs +0.010 (measured "
        "elsewhere)."
    )
    assert sentences.answer(series()[1:], [], 5) is None
    assert "scratch" not in sentences.answer(series(), [], 5)


def test_nats_per_byte_are_explained_with_the_loss_of_mha():
    # e^-1.405 = 0.245; ln 256 = 5.545
    assert sentences.meaning(series(), 5).startswith("A loss of 1.41 nats per byte: ")
    assert "a probability of 25% on average" in sentences.meaning(series(), 5)
    assert sentences.meaning(series()[1:], 5) == ""


def test_every_machine_that_records_come_from_is_named_once():
    records = grids.records()
    assert sentences.machines(records) == "A CPU with Python 3.11.7 and torch 2.13.0"
    records[2] = replace(records[2], device=replace(records[2].device, name="Another"))
    assert " and on Another with Python 3.11.7" in sentences.machines(records)


def test_filled_is_here_and_an_open_dot_is_elsewhere_and_bars_are_the_seeds():
    all_series = [*series(), *series(evidence=MEASURED_ELSEWHERE)]
    figure = loss_vs_percent(all_series, (0, 5, 20), [1.3, 3.9])
    symbols = [trace.marker.symbol for trace in figure.data]
    assert symbols[:4] == ["circle", "square", "pentagon", "diamond"]
    assert symbols[4:] == [f"{symbol}-open-dot" for symbol in symbols[:4]]
    colors = [trace.line.color for trace in figure.data[:4]]
    assert colors == [VARIANT_STYLES[name].color for name in ("MHA", "GQA", "GQA", "MQA")]
    gqa = figure.data[1]
    assert list(gqa.x) == [0, 5]
    assert list(gqa.error_y.array) == pytest.approx([0.01, 0.01])
    assert list(gqa.error_y.arrayminus) == pytest.approx([0.01, 0.01])
    assert all(remote > local for local, remote in zip(gqa.x, figure.data[5].x, strict=True))


def test_the_axes_of_loss_stay_where_they_are_whatever_is_drawn():
    losses, sizes = [1.3, 3.9], [2**16, 2**19]
    for draw in (
        lambda all_series: loss_vs_percent(all_series, (0, 5, 20), losses),
        lambda all_series: loss_vs_cache(all_series, 5, sizes, losses),
    ):
        few, many = draw(series()[:1]), draw(series())
        assert few.layout.xaxis.range == many.layout.xaxis.range
        assert few.layout.yaxis.range == many.layout.yaxis.range
        low, high = (10**end for end in many.layout.yaxis.range)
        assert low <= 1.3
        assert high >= 3.9


def test_models_from_scratch_stand_beside_those_that_were_shared():
    all_series = [*series(), *series(SCRATCH, MEASURED_ELSEWHERE)]
    figure = loss_vs_cache(all_series, 5, [item.cache_bytes for item in all_series], [1.4, 2.1])
    shared, scratch = figure.data
    assert shared.name == "shared by mean, 5% uptrained"
    assert scratch.name == "from scratch, elsewhere"
    assert list(shared.x) == [2**19, 2**18, 2**17, 2**16]
    assert set(scratch.marker.symbol) == {"cross-open-dot"}
    assert list(scratch.y) == pytest.approx([item.final(5)[1] for item in all_series[4:]])
    assert all(right > left for left, right in zip(shared.x, scratch.x, strict=True))
    assert list(figure.layout.xaxis.ticktext) == ["64 KiB", "128 KiB", "256 KiB", "512 KiB"]
    assert len(loss_vs_cache(series(), 20, [], []).data) == 0


def test_published_scores_are_open_markers_with_their_source():
    figure = score_vs_time(published_results())
    assert len(figure.data) == 4
    by_name = {trace.name: trace for trace in figure.data}
    gqa = by_name["T5 XXL with GQA of 8 K/V heads"]
    assert (list(gqa.x), list(gqa.y)) == ([0.28], [47.1])
    assert all(trace.marker.symbol.endswith("-open") for trace in figure.data)
    assert "2305.13245" in gqa.hovertemplate
    left, right = figure.layout.xaxis.range
    low, high = figure.layout.yaxis.range
    for trace in figure.data:
        assert left < trace.x[0] < right
        assert low < trace.y[0] < high


def test_every_line_is_named_at_its_end_and_with_its_evidence_if_there_are_two_kinds():
    local, both = series(), [*series(), *series(evidence=MEASURED_ELSEWHERE)]
    texts = [note.text for note in loss_vs_percent(local, (0, 5), [1.3, 3.9]).layout.annotations]
    assert [text.split("> ")[-1] for text in texts] == ["MHA 8", "GQA 4", "GQA 2", "MQA 1"]
    texts = [note.text for note in loss_vs_percent(both, (0, 5), [1.3, 3.9]).layout.annotations]
    assert texts[4].endswith("MHA 8, elsewhere")


def test_published_ratios_count_every_model_with_heads_once():
    counts = published_ratios()
    names = [name for count in counts for name in count.names]
    with_heads = [known.name for known in models() if main_attention(known.config)]
    assert sorted(names) == sorted(with_heads)
    labels = [count.label for count in counts]
    assert (labels[0], labels[1], labels[-2:]) == ("MHA", "2:1", ["MQA", "MLA"])
    by_label = {count.label: count.names for count in counts}
    assert "Llama 3 8B" in by_label["4:1"]
    assert "Falcon 7B" in by_label["MQA"]  # 71 query heads, 1 K/V head
    assert "DeepSeek-V3" in by_label["MLA"]
    figure = published_ratios_figure(counts)
    assert list(figure.data[0].y) == [len(count.names) for count in counts]
    assert list(figure.layout.xaxis.ticktext) == labels
    assert "Llama 3 8B" in figure.data[0].hovertext[labels.index("4:1")]


def test_nothing_to_draw_is_an_empty_picture_and_no_error():
    assert len(loss_vs_percent([], (0, 5), []).data) == 0
    assert len(loss_vs_cache([], 5, [], []).data) == 0
    assert len(score_vs_time([]).data) == 0


def test_every_number_of_shared_heads_has_a_symbol_of_its_own():
    styles = [style_for_sharing(16, count) for count in (16, 8, 4, 2, 1)]
    assert len({style.symbol for style in styles}) == 5
    assert len({style.color for style in styles}) == 3


def test_the_log_lists_first_and_last_loss():
    item, (scratch, *_) = grids.records(percents=(0, 1, 5))[1], grids.records(("scratch",))
    assert line(item).startswith("4 of 8 K/V heads by mean, seed 0 ")
    assert line(item).endswith(" loss 1.8000 at 0%, 1.4617 at 5%")
    assert line(scratch).endswith("loss 1.5000 at 100%")
