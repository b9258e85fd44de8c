"""Public logs against the formula: agreement within the print, or the assumption that explains."""

import csv
import json
import re
from pathlib import Path

import pytest

from gqa_core import units
from gqa_core.catalog.models import model
from gqa_core.commands.cli import main
from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig
from gqa_core.engine_logs.hypotheses import hypotheses
from gqa_core.engine_logs.log import RequestMemory
from gqa_core.engine_logs.read import read_engine_log
from gqa_core.engine_logs.reconcile import reconcile
from gqa_core.engine_logs.request_fit import fit_requests
from gqa_core.engine_logs.serving import Serving
from gqa_core.theory.engines import engine_bytes_per_token
from gqa_core.theory.parallelism import Parallelism
from tests.engine_logs import lines
from tests.engine_logs.models import MODELS

LOGS = list(csv.DictReader((Path(__file__).parent / "logs.csv").read_text().splitlines()))
IDS = [f"{row['model']} {row['engine']} {row['memory_gib']}" for row in LOGS]
MAX_LEN = 262_144  # of the two hybrids, which print no other


def log_text(row):
    if row["engine"] == "vLLM":
        return (
            f"Available KV cache memory: {row['memory_gib']} GiB\n"
            f"GPU KV cache size: {int(row['tokens']):,} tokens"
        )
    return f"KV Cache is allocated. #tokens: {row['tokens']}, KV size: {row['memory_gib']} GB"


def reconciled(row):
    return reconcile(
        read_engine_log(log_text(row)),
        MODELS[row["model"]],
        kv_format=row["kv_format"] or None,
        tp=int(row["tp"]) if row["tp"] else None,
        max_context_len=MAX_LEN,
    )


@pytest.mark.parametrize("row", LOGS, ids=IDS)
def test_a_public_log_implies_its_bytes_per_token_and_is_reconciled(row):
    result = reconciled(row)
    implied = float(row["memory_gib"]) * units.GIB / int(row["tokens"])
    assert result.rows[0].reported == pytest.approx(implied)
    assert result.verdict == row["verdict"], result.explanations
    assert (row["verdict"] == "agrees") == (not row["cause"])


@pytest.mark.parametrize("row", LOGS, ids=IDS)
def test_no_explanation_is_below_what_its_log_implies(row):
    result = reconciled(row)
    if row["verdict"] == "not explained":
        assert row["cause"]  # named
        return
    for explanation in result.explanations:
        if explanation.bytes_per_token is not None:
            assert explanation.bytes_per_token >= result.rows[0].least * (1 - 0.0035)


BELOW = {  # what the engine's rule does not know of these logs
    "Qwen3-235B-A22B vLLM 8.11": "another GPU has less memory, which decides the tokens",
    "Qwen3.6-35B-A3B vLLM 66.58": "a next-token layer that drafts tokens",
    "Gemma 4 31B vLLM 46.57": "a short context, in which every window layer holds all of it",
}


def test_an_engine_s_rule_is_below_its_log_in_the_named_rows_alone():
    below = []
    for name, row in zip(IDS, LOGS, strict=True):
        predicted = engine_bytes_per_token(
            {"vLLM": "vllm", "SGLang": "sglang"}[row["engine"]],
            MODELS[row["model"]],
            row["kv_format"] or "bf16",
            context_len=MAX_LEN,
            parallelism=Parallelism(tp=int(row["tp"] or 1)),
        )
        # the memory may have room for most of one more block: 1 of the fewest, 411, in a row
        if predicted < reconciled(row).rows[0].least * (1 - 1 / 411):
            below.append(name)
    assert below == list(BELOW)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Qwen3-235B-A22B vLLM 8.11", "GPU with the least memory, which the log does not show"),
        ("DeepSeek-V3.2 with indexer SGLang 54.52", "without the indexer's keys"),
        ("Qwen3.6-27B vLLM 9.84", "4 groups of 16 layers; tokens are concurrency x 262,144"),
        ("Qwen3.6-35B-A3B vLLM 66.58", "with a next-token layer; 2 drafted tokens; vLLM's pages"),
    ],
)
def test_a_gap_is_explained_by_its_cause(name, words):
    (explanation,) = reconciled(LOGS[IDS.index(name)]).explanations
    assert words in "; ".join(explanation.assumptions)


def test_replicated_heads_are_named():
    result = reconciled(LOGS[IDS.index("Qwen3-235B-A22B vLLM 9.71")])
    assert result.notes == ("each K/V head is kept 2 times: tp 8 is above 4 K/V heads",)


def vllm(memory_gib, tokens, more=""):
    return read_engine_log(
        f"Available KV cache memory: {memory_gib} GiB\nGPU KV cache size: {tokens:,} tokens\n{more}"
    )


def only_assumptions(result):
    return [explanation.assumptions for explanation in result.explanations]


def test_an_8_bit_cache_is_recognised_beside_the_split_that_would_look_alike():
    result = reconcile(vllm(4.0, 65_536), model("Llama 3.1 8B").config)
    assert only_assumptions(result) == [("cache in fp8",), ("tensor parallel 2",)]
    on_one = reconcile(vllm(4.0, 65_536), model("Llama 3.1 8B").config, tp=1)
    assert only_assumptions(on_one) == [("cache in fp8",)]
    assert reconcile(vllm(4.0, 65_536), model("Llama 3.1 8B").config, tp=2).verdict == "agrees"


def test_a_context_parallel_cache_counts_the_tokens_of_its_ranks():
    deepseek = model("DeepSeek-V3").config
    text = vllm(46.8, 715_072 * 8)
    assert only_assumptions(reconcile(text, deepseek, tp=8)) == [
        ("decode context parallel 8: the tokens of 8 GPUs are counted",)
    ]
    assert reconcile(text, deepseek, tp=8, dcp=8).verdict == "agrees"
    printed = vllm(46.8, 715_072 * 8, "Multiplying the GPU KV cache size by the dcp_world_size 8.")
    assert reconcile(printed, deepseek, tp=8).verdict == "agrees"


def test_an_engine_that_expands_mla_is_recognised():
    # 27 x 16 x (192 + 128) x 2 = 276,480 B per token
    text = vllm(27.0, 104_864)
    result = reconcile(text, model("DeepSeek-V2-Lite").config, tp=1)
    assert only_assumptions(result) == [("MLA expanded to K and V of every head",)]


def test_padding_layers_are_recognised():
    text = vllm(28.0, 1_048_576, "Add 2 padding layers, may waste at most 9.09% KV cache memory")
    result = reconcile(text, model("Gemma 3 1B").config, tp=1)
    assert only_assumptions(result) == [("vLLM's pages: 7 groups of 4 layers, 2 of them padding",)]


def test_window_layers_in_full_are_recognised():
    text = vllm(26.0, 1_048_576)
    result = reconcile(text, model("Gemma 3 1B").config, tp=1)
    assert only_assumptions(result) == [("every window layer has the whole context",)]


def test_a_next_token_layer_is_recognised():
    result = reconcile(vllm(33.0, 33 * 2**30 // (33 * 4096)), model("Llama 3.1 8B").config, tp=1)
    assert only_assumptions(result) == [("with a next-token layer",)]


def test_a_pipeline_stage_has_its_share_of_layers():
    assert reconcile(vllm(16.0, 262_144), model("Llama 3.1 8B").config, tp=1, pp=2).verdict == (
        "agrees"
    )


@pytest.mark.parametrize("tokens", [65_536 * 3, 50_000, 1_000_000_000])
def test_other_figures_are_not_explained(tokens):
    result = reconcile(vllm(8.0, tokens), model("Llama 3.1 8B").config, tp=1)
    assert (result.verdict, only_assumptions(result)) == ("not explained", [()])


def test_the_needed_memory_of_an_error_agrees():
    result = reconcile(read_engine_log(lines.VLLM_ERROR), MODELS["Qwen3-30B-A3B"], tp=1)
    assert only_assumptions(result)[0] == ("cache in fp8",)
    fit = result.fit
    assert (fit.short_len, fit.long_len) == (122_080, 221_000)
    assert fit.least_bytes_per_token <= 49_152 <= fit.most_bytes_per_token
    assert fit.least_fixed_bytes <= 0 <= fit.most_fixed_bytes


def test_windows_by_batched_tokens_explain_an_error_s_needed_memory():
    text = (
        "ValueError: To serve at least one request with the models's max seq len (131072), "
        "(4.54 GiB KV cache is needed, which is larger than the available KV cache memory "
        "(1.71 GiB). vLLM: the estimated maximum model length is 48624"
    )
    log = read_engine_log(text)
    result = reconcile(log, model("gpt-oss 120B").config, tp=1)
    words = ["; ".join(each) for each in only_assumptions(result)]
    assert words == ["max_num_batched_tokens 1,024; vLLM's pages: 2 groups of 18 layers"]


def test_two_lengths_give_a_fixed_cost_and_one_per_token():
    points = [(4096, 10_000_000 + 16_384 * 4096), (65_536, 10_000_000 + 16_384 * 65_536)]
    requests = [
        RequestMemory(model_len=length, least_bytes=size - 100, most_bytes=size + 100)
        for length, size in points
    ]
    fit = fit_requests(requests)
    assert fit.bytes_per_token == pytest.approx(16_384)
    assert fit.fixed_bytes == pytest.approx(10_000_000)
    assert fit.least_bytes_per_token < 16_384 < fit.most_bytes_per_token
    assert fit.least_fixed_bytes < 10_000_000 < fit.most_fixed_bytes
    assert fit.request_bytes(4096) == pytest.approx(points[0][1])
    assert fit_requests(requests[:1] * 2) is None


def test_sglang_s_states_and_tokens_are_reconciled_apart():
    result = reconcile(read_engine_log(lines.SGLANG_HYBRID), MODELS["Qwen3.5-9B"], tp=2)
    assert {each.pool: each.verdict for each in result.explanations} == {
        "states": "agrees",
        "all layers": "agrees",
    }


def test_llama_cpp_s_caches_are_reconciled_by_kind():
    windows = reconcile(read_engine_log(lines.LLAMA_WINDOWS), model("Gemma 3 1B").config)
    # 8,192 cells x 4 layers x 2 x 256 x 2 B = 32 MiB is not the log's 16 MiB
    assert windows.verdict == "not explained"
    right = lines.LLAMA_WINDOWS.replace("16.00 MiB", "32.00 MiB").replace("26.00", "44.00")
    right = reconcile(read_engine_log(right), model("Gemma 3 1B").config)
    assert {each.pool: each.verdict for each in right.explanations} == {
        "full layers": "agrees",
        "window layers": "agrees",
    }
    indexer = read_engine_log(lines.LLAMA_INDEXER)
    result = reconcile(indexer, MODELS["GLM-5 with indexer"])
    assert only_assumptions(result) == [("the indexer's keys alone",)]
    states = reconcile(read_engine_log(lines.LLAMA_RECURRENT), MODELS["Qwen3.6-27B"])
    assert only_assumptions(states) == [("convolution in fp32",)]


def test_sizes_that_cannot_split_the_model_are_refused():
    with pytest.raises(ValueError, match="tp must divide n_heads: got 5 and 32"):
        reconcile(vllm(4.0, 65_536), model("Llama 3.1 8B").config, tp=5)
    with pytest.raises(ValueError, match="dcp must divide tp: got 3 and 4"):
        reconcile(vllm(4.0, 65_536), model("Llama 3.1 8B").config, tp=4, dcp=3)


def test_a_log_without_figures_is_refused():
    with pytest.raises(ValueError, match="log must print memory for the cache and the tokens"):
        reconcile(read_engine_log(lines.VLLM_RESULTS), model("Llama 3.1 8B").config)


def test_hypotheses_are_in_the_order_of_their_assumptions():
    layer = GroupedConfig(n_heads=8, n_kv_heads=4, head_dim=64)
    groups = (
        LayerGroup(attention=layer, n_layers=20, window=128),
        LayerGroup(attention=layer, n_layers=4),
    )
    listed = list(
        hypotheses(ModelConfig(layer_groups=groups), Serving(engine="vLLM"), "all layers")
    )
    counts = [len(each.assumptions) for each in listed]
    assert counts == sorted(counts)
    assert min(each.slot_bytes for each in listed) > 0


def test_the_command_prints_a_table_or_json(tmp_path, capsys):
    (tmp_path / "log").write_text(lines.SGLANG_GROUPED + "a line\n")
    line = ["reconcile", str(tmp_path / "log"), "--model", "Llama 3.1 8B", "--tp", "1"]
    assert main(line) == 0
    out = capsys.readouterr().out
    assert out.startswith("SGLang: agrees\n")
    assert re.search(r"131,072\.0 B +131,071\.4 B +-0\.00%, within rounding", out)
    assert out.endswith("not read: 1 line of 3\n")
    assert main([*line, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["unknown_lines"]) == ("agrees", 1)
    assert report["rows"][0]["formula"] == 131_072


def test_the_command_reads_a_config_and_refuses_in_one_sentence(tmp_path, capsys):
    log, config = tmp_path / "log", tmp_path / "config.json"
    log.write_text(lines.SGLANG_GROUPED)
    sizes = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8}
    config.write_text(json.dumps(sizes | {"head_dim": 128, "max_position_embeddings": 131_072}))
    assert main(["reconcile", str(log), "--config", str(config)]) == 0
    assert capsys.readouterr().out.startswith("SGLang: agrees")
    log.write_text("hello\n")
    for line in (
        ["reconcile", str(log)],
        ["reconcile", str(log), "--model", "GPT-9"],
        ["reconcile", str(log), "--model", "Llama 3.1 8B"],
        ["reconcile", str(log), "--model", "Llama 3.1 8B", "--config", str(config)],
    ):
        assert main(line) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_world_size_gives_the_tensor_parallel_size():
    ranks = "rank 0 in world size 2 is assigned as DP rank 0, PP rank 0, TP rank 0"
    result = reconcile(vllm(4.0, 65_536, ranks), model("Llama 3.1 8B").config)
    assert result.verdict == "agrees"
    ranks = ranks.replace("world size 2", "world size 4") + "\nvLLM pipeline_parallel_size=2"
    result = reconcile(vllm(2.0, 65_536, ranks), model("Llama 3.1 8B").config)
    assert result.verdict == "agrees"


def test_what_the_engine_takes_besides_is_noted():
    result = reconcile(read_engine_log(lines.VLLM_BLOCKS), model("Qwen2.5-0.5B").config, tp=1)
    assert result.notes == ("the engine takes 1.76 GiB per GPU besides weights and cache",)


def test_the_format_that_a_config_asks_for_needs_no_assumption():
    llama = model("Llama 3.1 8B").config
    assert reconcile(vllm(4.0, 65_536), llama, tp=1, default_kv_format="fp8").verdict == "agrees"
    printed = vllm(4.0, 65_536, "vLLM engine: kv_cache_dtype=fp8_e4m3, tensor_parallel_size=1")
    assert reconcile(printed, llama).verdict == "agrees"
