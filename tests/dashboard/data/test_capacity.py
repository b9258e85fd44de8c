"""The page Capacity, by key: the four answers by hand, windows as a band, and what cannot be."""

from dataclasses import replace

import pytest

from dashboard.data.capacity import Plan, SequenceCurves, fits, sequence_curves
from dashboard.figures.sequences_vs_context import sequences_vs_context
from dashboard.figures.style import VARIANT_STYLES
from dashboard.report import capacity_sentences as sentences
from dashboard.report.capacity_arithmetic import arithmetic
from dashboard.report.capacity_tables import plan_table, sequences_table
from dashboard.settings.model import ModelSettings
from dashboard.settings.options import CONTEXT_LENS
from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig
from gqa_core.engine_logs.capacity_errors import capacity_errors
from gqa_core.theory.capacity import Deployment
from tests.dashboard.page_probe import (
    answer,
    captions,
    choose,
    figure,
    lazy_expander,
    link,
    meanings,
    metrics,
    page_texts,
    slider,
    small_tables,
    values,
)

AS_LABELLED = {"usable_gib": 80e9 / 2**30, "overhead_gib": 0}
LLAMA_70B = {"n_heads": 64, "n_layers": 80, "weights_gb": 141.11, **AS_LABELLED}
GPT_OSS_20B = GroupedConfig(n_heads=64, n_kv_heads=8, head_dim=64)


def windowed(n_full, window=128, n_users=32, context_len=8192):
    """gpt-oss-20b's layers on one 24 GB GPU, or as many of them with a window."""
    runs = [LayerGroup(attention=GPT_OSS_20B, n_layers=24 - n_full, window=window)]
    if n_full:
        runs.append(LayerGroup(attention=GPT_OSS_20B, n_layers=n_full))
    deployment = Deployment(
        memory_bytes=24 * 10**9,
        weight_bytes=13 * 10**9,
        model=ModelConfig(layer_groups=tuple(runs)),
        kv_format="bf16",
    )
    return Plan(
        gpu="NVIDIA L4",
        gpu_source="a label",
        variant="GQA",
        context_len=context_len,
        n_users=n_users,
        deployments={"GQA": deployment},
    )


def test_variants_that_are_equal_on_so_many_gpus_are_told_of(opened):
    app = opened("capacity")
    ties = "On 8 GPUs a sequence of GQA and MQA takes equal bytes, so their lines coincide."
    assert ties not in captions(app)
    app = slider(app, "n_gpus").set_value(8).run()  # one K/V head a GPU, as MQA has
    assert ties in captions(app)


def test_no_weights_of_another_model_are_left(opened):
    app = choose(opened("capacity"), "Llama 3.1 8B")
    assert app.number_input(key="weights_gb").value == 16.06
    assert not app.warning
    for name in ("GLM-4.5", "32 heads in 8"):  # no source gives the parameters of the first
        app = choose(app, name)
        assert app.number_input(key="weights_gb").value is None
        assert "Type it in GB beside the model" in app.warning[0].value
        assert "weights_gb=&" in link(app)
        assert not metrics(app)
        assert answer(app) is None
        texts = " ".join([app.warning[0].value, page_texts(app)])
        assert "16.06" not in texts
        app = choose(app, "Llama 3.1 8B")
        assert metrics(app)["GQA sequences that fit"] == "55"


def test_weights_can_be_typed_where_nobody_knows_them(opened):
    app = choose(opened("capacity"), "GLM-4.5")
    app = app.number_input(key="weights_gb").set_value(20.0).run()
    assert "20.00 GB of weights" in answer(app)
    assert not app.warning


def test_an_empty_number_in_a_link_leaves_the_weights_empty(opened):
    app = opened("capacity", weights_gb="")
    assert app.number_input(key="weights_gb").value is None
    assert "Type it in GB beside the model" in app.warning[0].value
    assert not [code for code in app.code if "weights_gb in the link" in code.value]


def test_another_weight_format_sets_the_weights_of_a_model_whose_parameters_are_known(opened):
    app = opened("capacity")
    app = app.selectbox(key="weight_format").set_value("fp8").run()
    assert app.number_input(key="weights_gb").value == 9.08  # 6.98 + 1.05 x 2: embeddings
    app = choose(app, "GLM-4.5")
    app = app.selectbox(key="weight_format").set_value("int4").run()
    assert app.number_input(key="weights_gb").value is None


def test_a_model_chosen_where_heads_are_measured_leaves_no_weights_of_another(opened):
    app = choose(opened("decode"), "GLM-4.5")
    app = app.switch_page("pages/capacity.py").run()
    assert app.number_input(key="weights_gb").value is None


def test_it_opens_at_8192_tokens_with_the_four_answers(opened):
    app = opened("capacity")
    assert slider(app, "context_len").value == 8192
    # 81,091 MiB x 0.9 - 16.06e9 - 1.28 GiB = 59,092,679,239; 32 layers x 4096 B = 131,072 B per
    # token, 1 GiB per sequence: 55.03 sequences, 450,841.4 tokens, and (2^30 + 16.06e9 + 1.28 GiB)
    # / 0.9 = 19.15 GiB = 20.56 GB.
    assert metrics(app) == {
        "GQA sequences that fit": "55",
        "Longest context": "450,841",
        "GPUs needed": "1",
        "Memory per GPU": "20.56 GB",
    }
    # with 3.3 GiB besides: 56,923,720,755 / 2^30 = 53.01
    assert "of 8,192 tokens; 53 to count on" in meanings(app)["GQA sequences that fit"]
    needed = meanings(app)["Memory per GPU"]
    assert needed == "19.15 GiB, for 1 user at 8,192 tokens"
    assert not app.warning
    assert answer(app).startswith("On paper, 1 x NVIDIA H100 SXM at 90% hold 55 ")


def test_memory_as_labelled_and_nothing_besides_are_the_label_s_figures(opened):
    app = opened("capacity", **AS_LABELLED)
    # 80e9 x 0.9 - 16.06e9 = 55.94e9: 52.1 sequences, 426,788.3 tokens
    assert metrics(app)["GQA sequences that fit"] == "52"
    assert metrics(app)["Longest context"] == "426,788"
    # the figure to count on keeps 3.3 GiB free: 52,396,651,981 / 2^30 = 48.8
    assert "48 to count on" in meanings(app)["GQA sequences that fit"]


def test_the_error_to_expect_is_the_measured_one(opened):
    errors = capacity_errors()
    texts = page_texts(opened("capacity"))
    assert f"Over {errors.n_deployments} public deployments" in texts
    assert f"off by {100 * errors.median_error:.3g}%" in texts
    assert all(name in texts for name in errors.above_safe)


def test_an_engine_s_rules_stand_beside_the_ideal(opened):
    app = opened("capacity", engine="vllm", context_len=512, model="gpt-oss 20B", weights_gb=13.8)
    assert not app.exception
    tables = small_tables(lazy_expander(lazy_expander(app, "plan"), "allocation"))
    assert [row["Allocation"] for row in tables[0]] == ["vllm", "ideal"] * 4
    allocation = next(table for table in tables if "Allocated (MiB)" in table[0])
    assert allocation[-1]["Part"] == "all parts"
    texts = page_texts(app)
    assert "by the rules of vllm, where" in texts
    names = [trace.get("name") for trace in figure(app)["data"]]
    assert {"GQA", "GQA vllm", "GQA band"} <= {*names}
    assert "SlidingWindowSpec" in page_texts(app).replace("\\", "")


def test_expanded_mla_is_an_engine_s_rule(opened):
    app = opened("capacity", engine="transformers", model="DeepSeek-V3", weights_gb=60)
    assert app.segmented_control(key="variant").value == "MLA"
    (table,) = small_tables(lazy_expander(app, "allocation"))
    # 128 heads of 192 + 128 elements in place of 512 + 64
    assert table[0]["Difference"] == "+7,011.11%"


def test_only_sizes_that_split_the_model_are_offered(opened):
    app = opened("capacity", n_gpus=8)
    assert app.selectbox(key="dcp").options == ["1", "2", "4", "8"]
    app = app.selectbox(key="engine").set_value("vllm").run()  # at most tp / 8 K/V heads
    assert app.selectbox(key="dcp").options == ["1"]
    app = slider(app, "n_gpus").set_value(32).run()
    assert app.selectbox(key="dcp").options == ["1", "2", "4"]
    app = app.selectbox(key="dcp").set_value("4").run()
    assert not app.exception
    # MHA's 32 K/V heads leave no copies to share
    assert "MHA cannot be split so by the rules of vllm" in captions(app)
    rows = small_tables(lazy_expander(app, "plan"))[0]
    assert [row["Variant"] for row in rows] == [*["GQA"] * 2, *["MQA"] * 2, *["MLA"] * 2]
    app = app.selectbox(key="engine").set_value("llama.cpp").run()
    assert app.selectbox(key="dcp").value == 1


def test_ranks_stages_and_contexts_split_a_deployment(opened):
    query = {"n_gpus": 8, "dp": 2, "pp": 2, "dcp": 2, **AS_LABELLED}
    app = opened("capacity", **query)
    texts = page_texts(lazy_expander(app, "allocation"))
    assert "32 GPUs: tp 8 x pp 2 x dp 2, dcp 2 inside tp." in texts
    # 16 layers x 2 of 8 K/V heads x 4096 tokens x 2 x 128 x 2 B
    assert f"{16 * 2 * 4096 * 512:,} B" in texts
    assert "on each of 2 data-parallel ranks" in texts


def test_the_arithmetic_is_shown_with_the_numbers_in_it(opened):
    app = opened("capacity", **LLAMA_70B, n_gpus=8, batch_size=32)
    for part in (
        "80,000,000,000 B x 90% - 141,110,000,000 B of weights / 8 GPUs - 0 B that the engine "
        "takes besides = 54,361,250,000 B",
        "80 layers x 512 B (2 x 1 K/V head x 128 elements in bf16) x 8192 tokens = 335,544,320 B",
        "54,361,250,000 B / 335,544,320 B = 162.01, so 162 whole",
        "room / 32 = 1,698,789,062 B for each; 41,474 tokens take 1,698,775,040 B, one more "
        "1,698,816,000 B",
        "(1, 2, 4, 8, 16, 32, 64): 4 GPUs; each caches 21,474,836,480 B and has 36,722,500,000 B",
        "(32 x 335,544,320 B + 141,110,000,000 B / 8 + 0 B) / 90% = 31,529,075,823 B",
    ):
        assert part in page_texts(app), part


def test_every_variant_is_in_the_table_and_in_the_file(opened):
    app = opened("capacity", **LLAMA_70B, n_gpus=4, batch_size=64)
    assert not app.dataframe
    app = lazy_expander(lazy_expander(app, "plan"), "sequences")
    table, (by_context,) = small_tables(app)[0], (frame.value for frame in app.dataframe)
    assert [row["Variant"] for row in table] == ["MHA", "GQA", "MQA", "MLA"]
    assert [row["Sequences of 8192"] for row in table] == ["6", "54", "109", "48"]
    # 1 K/V head of a GPU at 8 to 64 GPUs: MLA is whole on each and needs as many as GQA.
    assert [row["GPUs for 64 x 8192"] for row in table] == ["32", "8", "4", "8"]
    assert "Allocation" not in table[0]
    # 36,722,500,000 B - 3.3 GiB, over 8 to 1 times 671,088,640 B, and 754,974,720 B of latents
    assert [row["To count on"] for row in table] == ["6", "49", "98", "43"]
    assert [row["Context for 64 users"] for row in table] == ["875", "7004", "14008", "6226"]
    assert by_context.set_index("Context (tokens)").loc["8192"].tolist() == [6, 54, 109, 48]


def test_weights_that_do_not_fit_are_told_with_their_numbers_and_no_chart(opened):
    app = opened("capacity", **LLAMA_70B)
    assert not app.exception
    assert app.warning[0].value == (
        "The weights do not fit: 141.11 GB over 1 GPU are 141.11 GB on each, and 90% of 80.00 GB "
        "are 72.00 GB. They fit on 2 GPUs."
    )
    assert not app.get("plotly_chart")
    assert metrics(app)["GPUs needed"] == "2"
    split = app.button(key="enough_gpus").click().run()
    assert slider(split, "n_gpus").value == 2
    assert split.get("plotly_chart")
    app = slider(split, "n_gpus").set_value(1).run()
    app = app.number_input(key="weights_gb").set_value(100_000.0).run()
    assert "Not even 64 GPUs, the most that split the heads" in app.warning[0].value
    assert metrics(app)["GPUs needed"] == "more than 64"
    assert "none is enough" in page_texts(app)


def test_an_example_brings_its_weights_and_gpus_that_split_its_heads(opened):
    app = choose(opened("capacity", n_heads=48, n_kv_heads=6), "Llama 3 70B")
    assert app.number_input(key="weights_gb").value == 141.11
    assert [int(o) for o in slider(app, "n_gpus").options] == [1, 2, 4, 8, 16, 32, 64]
    app = slider(app, "n_gpus").set_value(64).run()
    app = slider(app, "n_heads").set_value(24).run()
    assert not app.exception
    assert [int(o) for o in slider(app, "n_gpus").options] == [1, 2, 4, 8, 24]
    assert values(app)["n_gpus"] == 24


def test_memory_can_be_typed_and_is_then_nobody_s_publication(opened):
    app = opened("capacity", gpu="typed in GB", gpu_gb=48.5)
    assert app.number_input(key="gpu_gb").value == 48.5
    assert "48,500,000,000 B x 90%" in page_texts(app)
    assert "Memory of the GPU: typed" in page_texts(app)
    assert "badge[published]" not in captions(app)
    app = app.selectbox(key="gpu").set_value("NVIDIA L40S").run()
    assert "48,305,799,168 B x 90%" in page_texts(app)  # 46,068 MiB are usable
    assert "NVIDIA L40S GPU datasheet" in page_texts(app)
    assert "badge[published]" in captions(app)


@pytest.mark.parametrize(
    ("key", "nonsense", "rule"),
    [
        ("weights_gb", "nan", "a number from 0 to 100000, or empty: got 'nan', 16.06 used"),
        ("weights_gb", "-1", "a number from 0 to 100000, or empty: got '-1', 16.06 used"),
        ("weights_gb", "1e999", "a number from 0 to 100000, or empty: got '1e999', 16.06 used"),
        ("utilisation", "90.5", "a whole number from 1 to 100: got '90.5', 90 used"),
        ("utilisation", "0", "a whole number from 1 to 100: got '0', 90 used"),
        ("gpu", "abacus", "one of its options: got 'abacus', NVIDIA H100 SXM used"),
        ("n_gpus", "3", "one of its options: got '3', 1 used"),
    ],
)
def test_nonsense_in_a_link_is_said_and_replaced(opened, key, nonsense, rule):
    app = opened("capacity", **{key: nonsense})
    assert not app.exception
    assert f"{key} in the link must be {rule}" in [code.value for code in app.code]
    assert metrics(app)["GQA sequences that fit"] == "55"


def test_windows_make_every_answer_a_pair_and_the_chart_a_band(opened, monkeypatch):
    models = {name: windowed(12).shown.model for name in ("MHA", "GQA", "MQA", "MLA")}
    monkeypatch.setattr(ModelSettings, "_models", lambda _: models)
    label = {"usable_gib": 24e9 / 2**30, "overhead_gib": 0}
    app = opened("capacity", gpu="NVIDIA L4", weights_gb=13.0, batch_size=32, **label)
    assert not app.exception
    # by hand in tests/theory/test_capacity.py
    assert metrics(app) == {
        "GQA sequences that fit": "21 to 42",
        "Longest context": "5,467",
        "GPUs needed": "1 to 2",
        "Memory per GPU": "28.76 GB",
    }
    assert "12 layers x 2,048 B (2 x 8 K/V heads x 64 elements in bf16) x 128 tokens" in page_texts(
        app
    )
    names = [trace.get("name") for trace in figure(app)["data"]]
    assert {"GQA", "GQA as allocated", "GQA band"} <= {*names}
    table, parts = small_tables(lazy_expander(lazy_expander(app, "plan"), "parts"))
    assert [row["Part"] for row in parts] == ["window cache", "token cache", "all parts"]
    assert [row["Allocation"] for row in table] == ["as allocated", "ideal"] * 4
    assert "GQA as allocated" in lazy_expander(app, "sequences").dataframe[0].value


def test_windows_alone_have_no_limit_rather_than_a_number():
    plan = windowed(n_full=0)
    assert plan_table(plan).frame()["Context for 32 users"].tolist() == ["5467", "no limit"]
    lines = " ".join(arithmetic(plan))
    assert "full windows take 6,291,456 B, so no context is too long" in lines
    assert "The longest context for 32 users is 5,467 to no limit" in sentences.answer(plan)


def test_no_answer_calls_a_fit_exact():
    for plan in (windowed(12), windowed(0)):
        words = " ".join([sentences.answer(plan), *arithmetic(plan)]).lower()
        assert "exact" not in words
        assert sentences.answer(plan).startswith("On paper")


def test_lines_are_room_over_bytes_and_the_band_lies_between_the_readings():
    plan = windowed(12)
    drawn = sequences_vs_context(sequence_curves(plan, CONTEXT_LENS))
    by_name = {trace.name: trace for trace in drawn.data}
    index = CONTEXT_LENS.index(8192)
    assert by_name["GQA"].y[index] == pytest.approx(8.6e9 / 204_472_320)
    assert by_name["GQA as allocated"].y[index] == pytest.approx(8.6e9 / 402_653_184)
    assert by_name["GQA"].text[index] == "42 sequences"
    assert by_name["GQA band"].fill == "tonexty"
    assert [trace.name for trace in drawn.data][:2] == ["GQA as allocated", "GQA band"]
    markers = zip(by_name["here"].marker.symbol, by_name["here"].y, strict=True)
    gqa = [int(y) for symbol, y in markers if symbol == VARIANT_STYLES["GQA"].symbol]
    assert gqa == [21, 42]
    assert [label.text[-3:] for label in drawn.layout.annotations] == [*plan.deployments]
    table = sequences_table(plan, CONTEXT_LENS).frame().set_index("Context (tokens)")
    assert table.loc["8192"].tolist() == [21, 42]


def test_the_axes_stay_while_users_and_context_are_moved():
    plan = windowed(12)
    ranges = [
        (drawn.layout.xaxis.range, drawn.layout.yaxis.range)
        for drawn in (
            sequences_vs_context(
                sequence_curves(
                    replace(plan, context_len=context_len, n_users=n_users), CONTEXT_LENS
                )
            )
            for context_len, n_users in ((512, 1), (2**20, 64))
        )
    ]
    assert ranges[0] == ranges[1]


def test_nothing_that_fits_is_an_empty_chart_and_no_error():
    empty = SequenceCurves(contexts=CONTEXT_LENS, curves={}, context_len=8192, n_users=1)
    assert {t.name for t in sequences_vs_context(empty).data} == {
        "sliders",
        "1 user label",
    }


def test_the_utilisation_typed_is_the_share_of_memory_that_is_counted(opened):
    app = opened("capacity", utilisation=50, **AS_LABELLED)
    # 80e9 x 0.5 - 16.06e9 = 23.94e9, over 2^30 = 22.3
    assert metrics(app)["GQA sequences that fit"] == "22"
    app = app.number_input(key="utilisation").set_value(100).run()
    assert metrics(app)["GQA sequences that fit"] == "59"  # 63.94e9 / 2^30 = 59.5


def test_the_fewest_gpus_are_those_of_all_ranks_and_stages():
    plan = windowed(n_full=4)
    (name, deployment), *_ = plan.deployments.items()
    split = replace(plan, deployments={name: replace(deployment, dp=2, pp=2)})
    for result in fits(split, name):
        assert result.min_gpus is not None
        assert result.min_world == 4 * result.min_gpus
