"""Any text is either a config or rejected with one sentence."""

import json
import random
import time
from dataclasses import replace

import pytest

from gqa_core.commands.cli import main
from gqa_core.configs import Workload
from gqa_core.hf_config.parse import MAX_BYTES, parse_config
from gqa_core.hf_config.report import config_size_report
from gqa_core.theory.parallelism import Parallelism
from gqa_core.theory.per_gpu import per_gpu_size
from gqa_core.theory.size import MAX_CREDIBLE_BYTES
from tests.hf_config import importer_configs as kinds
from tests.hf_config.configs import GPT_2, LATENT, LLAMA
from tests.scale import NIGHTLY


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "config must be one JSON object: Expecting value, line 1 column 1"),
        ("{", "config must be one JSON object"),
        ("[]", "config must be one JSON object: got a list of 0"),
        ("null", "config must be one JSON object: got null"),
        ('{"num_hidden_layers": NaN}', "num_hidden_layers must be a whole number: got NaN"),
        ('{"a": 1, "a": 2}', 'a key must come once in its object: got "a" twice'),
        ('{"a": ' + "[" * 200 + "]" * 200 + "}", "at most 32 levels deep"),
        ('{"a": ' + "[" * 100_000, "at most 32 levels deep|must be one JSON"),
        ('{"a": ' + "9" * 5000 + "}", "at most 40 digits: got 5000"),
        (b"\xff\xfe", "config must be UTF-8 text"),
        ('{"a": "\\ud800"}', None),
        ("\ufeff{}", None),
        (" " * (MAX_BYTES + 1), f"config must be at most {MAX_BYTES} bytes"),
    ],
)
def test_text_that_is_not_a_config_is_rejected_with_one_sentence(text, sentence):
    if sentence is None:
        sentence = "num_hidden_layers must be given"
    with pytest.raises(ValueError, match=sentence) as error:
        parse_config(text)
    assert "\n" not in str(error.value)


ODD = (None, True, False, 0, 1, -1, 7, 2**31, 2**70, 0.5, 1e300, "", "8", "x" * 32, [], [1] * 32)
ODD += ({}, {"a": 1}, ["full_attention"] * 32, [[]], "M*" * 16, "\ud83d", [None], {"kv": [0]})
WIDE = LLAMA | {"num_key_value_heads": 32, "num_hidden_layers": 40, "sliding_window": 8}
WIDE |= {"model_type": "mistral"}
BASES = [LLAMA, LATENT, GPT_2, WIDE]
BASES += [config for name, config in vars(kinds).items() if name.isupper()]
MODEL_TYPES = sorted({str(config.get("model_type")) for config in BASES} | {"gemma3n", "zamba"})
KEYS = sorted(
    {key for config in BASES for key in config}
    | {"layer_types", "attn_config", "text_config", "linear_attn_config", "kv_source_layers"}
    | {"hybrid_override_pattern", "multi_query", "num_kv_shared_layers", "layer_group_size"}
    | {"per_layer_config", "indexer_types", "index_topk_freq", "index_topk_pattern"}
    | {"quantization_config", "sparse_attention_config", "attention_other_setting"}
    | {"mtp_layer_types", "num_mtp_layers", "mamba_ssm_dtype", "torch_dtype", "decoder"}
)
ODD += ({"05": {"head_dim": 64}}, {"1": {}}, {"full_attn_layers": [1, 2]}, ["full"] * 32)
ODD += ({"kv_cache_scheme": {"num_bits": 8}}, {"sparse_attention_freq": [1] * 32}, "bfloat16")
N_FUZZED = 10_000 if NIGHTLY else 2_000


def changed(random_, config):
    config = dict(config)
    for _ in range(random_.randint(0, 3)):
        key = random_.choice(KEYS) if random_.random() < 0.9 else random_.choice(["kv", "", "☃"])
        config[key] = random_.choice(ODD)
    if random_.random() < 0.1:
        config["model_type"] = random_.choice(MODEL_TYPES)
    if random_.random() < 0.1:
        config = {"text_config": config}
    text = json.dumps(config)
    return text[: random_.randrange(len(text))] if random_.random() < 0.1 else text


def report_or_error(text, context_len, batch_size, kv_format, tp, *, mtp=False):
    """The report of a text, or the sentence that rejects it."""
    try:
        config = parse_config(text, mtp=mtp)
        workload = Workload(context_len=context_len, batch_size=batch_size)
        report = config_size_report(config, workload, kv_format)
        per_gpu = per_gpu_size(config.model, workload, kv_format, Parallelism(tp=tp))
        return replace(report, per_gpu=per_gpu), None
    except ValueError as error:
        return None, str(error)


def test_any_text_gives_a_report_or_one_sentence():
    random_ = random.Random(4)
    n_reports = n_warned = 0
    slowest = 0.0
    for _ in range(N_FUZZED):
        text = changed(random_, random_.choice(BASES))
        context_len = random_.choice([1, 8192, 2**24, 2**24, 2**24, 0])
        batch_size = random_.choice([1, 2**20, 2**20, 2**20, -1])
        start = time.thread_time()
        report, sentence = report_or_error(
            text,
            context_len,
            batch_size,
            kv_format=random_.choice(["fp32", "bf16", "int4_g32", "fp8_ds_mla"]),
            tp=random_.choice([1, 1, 2, 4, 3]),
            mtp=random_.random() < 0.2,
        )
        slowest = max(slowest, time.thread_time() - start)
        if report is None:
            assert len(sentence.splitlines()) == 1
            continue
        n_reports += 1
        fields = json.loads(report.to_json())
        sizes = {name: number for name, number in fields.items() if "_bytes" in name}
        assert len(sizes) == 14
        assert min(sizes.values()) >= 0
        assert sizes["total_bytes"] > 0
        workload = Workload(context_len=context_len, batch_size=batch_size)
        assert report.total_bytes == sum(part.bytes(workload) for part in report.parts)
        too_many = {name for name, number in sizes.items() if number > MAX_CREDIBLE_BYTES}
        assert {warning.split()[0] for warning in report.warnings} == too_many
        assert fields["warnings"] == list(report.warnings)
        n_warned += bool(report.warnings)
    assert n_reports > N_FUZZED // 10
    assert n_warned > 2
    assert slowest < 1


def test_a_file_of_3_mb_is_read():
    ignored = [f"model.layers.{i % 60}.mlp.experts.{i}.gate_proj.weight" for i in range(60_000)]
    modules = {f"model.layers.{i}.mlp": {"quant_algo": "FP8"} for i in range(20_000)}
    text = json.dumps(
        LLAMA | {"quantization_config": {"ignore": ignored, "quantized_layers": modules}}
    )
    assert len(text) > 3 * 10**6
    assert parse_config(text).model == parse_config(json.dumps(LLAMA)).model


@pytest.mark.parametrize("unit", ["[],", "{},", "1,", "1.5,", '"ab",', '"a":1,'])
def test_a_large_hostile_file_is_refused_at_once(unit):
    opening, closing = ("{", "}") if ":" in unit else ("[", "]")
    text = '{"x": ' + opening + unit * (MAX_BYTES // len(unit) - 8) + closing + "}"
    start = time.thread_time()
    with pytest.raises(ValueError, match="config must have at most 524288 values"):
        parse_config(text)
    assert time.thread_time() - start < 1


def test_a_cache_beyond_belief_only_as_allocated_is_warned_of():
    # 2 x 32 x 128 x 2 B x 40 layers x 2^24 tokens x 2^20 sequences = 1.25 x 2^63
    report, _ = report_or_error(json.dumps(WIDE), 2**24, 2**20, "bf16", tp=1)
    assert report.kv_cache_bytes_as_allocated == 5 * 2**61
    warning, per_gpu = report.warnings
    assert per_gpu.startswith("kv_cache_bytes_as_allocated_per_gpu is above 2^63")
    assert warning.startswith("kv_cache_bytes_as_allocated is above 2^63")


def test_a_long_list_of_layer_numbers_is_read_in_linear_time():
    layers = ",".join(["1"] * 500_000)
    text = json.dumps(LLAMA | {"num_hidden_layers": 1000, "attn_layer_indices": "LIST"})
    start = time.thread_time()
    config = parse_config(text.replace('"LIST"', f"[{layers}]"))
    assert time.thread_time() - start < 2
    assert config.model.n_caching_layers == 1


ARGUMENTS = ("", "0", "-1", "8", "x", "1.5", "nan", "1e9", "9" * 5000, "\ud800", "\u0668")


def test_any_argument_gives_a_report_or_one_sentence(tmp_path, capsys):
    path, random_ = tmp_path / "config.json", random.Random(5)
    path.write_text(json.dumps(LLAMA))
    codes = set()
    for _ in range(300):
        flags = ["--context-len", "8192", "--batch-size", "1", "--tp", "2", "--kv-format", "fp8"]
        for i in (1, 3, 5, 7):
            if random_.random() < 0.2:
                flags[i] = random_.choice(ARGUMENTS)
        codes.add(code := main(["size", str(path), "--json", *flags]))
        out, err = capsys.readouterr()
        assert code == (0 if out else 2)
        assert len((out or err).splitlines()) == 1
    assert codes == {0, 2}
