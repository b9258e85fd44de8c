"""The catalogue: published numbers, their sources, refusals by line, and no heavy import."""

import subprocess
import sys
from pathlib import Path

import pytest

from gqa_core.catalog import devices as device_catalog
from gqa_core.catalog.devices import devices
from gqa_core.catalog.models import COLUMNS, model, models
from gqa_core.configs import LayerGroup
from tests.anchors import DEEPSEEK_V3

ROOT = Path(__file__).parents[2]
LLAMA = {
    "name": "Llama 3 8B",
    "n_layers": 32,
    "n_heads": 32,
    "n_kv_heads": 8,
    "head_dim": 128,
    "source": "somewhere",
}
WINDOWS = {"window": 1024, "n_window_layers": 20}
CARD = {"name": "A card", "memory_label_gb": 80, "bandwidth_gbps": 3350, "source": "somewhere"}


def line(cells, columns=COLUMNS):
    return ",".join(str(cells.get(column, "")) for column in columns)


def written(tmp_path, *lines, columns=COLUMNS):
    path = tmp_path / "facts.csv"
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return path


def card(tmp_path, **cells):
    columns = device_catalog.COLUMNS
    return devices(written(tmp_path, line(CARD | cells, columns), columns=columns))[0]


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("Llama 2 7B", "MHA"),
        ("StarCoder 15B", "MQA"),
        ("Llama 3 70B", "GQA"),
        ("DeepSeek-V3", "MLA"),
        ("Gemma 4 31B", "GQA"),
    ],
)
def test_the_variant_follows_from_a_model_s_row(name, variant):
    assert model(name).config.variant == variant


def test_every_row_has_a_source_and_a_name_of_its_own():
    for things in (models(), devices()):
        assert all(thing.source for thing in things)
        assert len({thing.name for thing in things}) == len(things)


def test_deepseek_s_latent_is_the_published_one():
    latent = model("DeepSeek-V3").attention
    assert (latent.kv_lora_rank, latent.qk_rope_head_dim) == (
        DEEPSEEK_V3.kv_lora_rank,
        DEEPSEEK_V3.qk_rope_head_dim,
    )


def test_what_no_source_gives_is_none_and_not_a_guess():
    glm, kimi = model("GLM-4.5"), model("Kimi K2.5")
    assert (glm.max_context_len, glm.params) == (None, None)
    assert (kimi.max_context_len, kimi.params) == (262_144, None)


def test_a_row_may_have_windows_layers_without_a_cache_and_global_heads(tmp_path):
    mixed = {"n_cacheless_layers": 8, "global_n_kv_heads": 4, "global_head_dim": 512}
    (known,) = models(written(tmp_path, line(LLAMA | WINDOWS | mixed)))
    local, full = known.config.layer_groups
    assert (local.n_layers, local.window, local.attention.n_kv_heads) == (20, 1024, 8)
    assert (full.n_layers, full.window, full.attention.n_kv_heads) == (4, None, 4)
    assert (full.attention.head_dim, full.attention.v_head_dim) == (512, 512)
    assert known.n_layers == 32


def test_a_row_may_have_windows_in_all_layers(tmp_path):
    (known,) = models(written(tmp_path, line(LLAMA | WINDOWS | {"n_window_layers": 32})))
    assert known.config.layer_groups == (
        LayerGroup(attention=known.attention, n_layers=32, window=1024),
    )


def test_a_device_s_figures_are_its_label_s_in_decimal_units():
    known = {device.name: device for device in devices()}
    h100 = known["NVIDIA H100 SXM"]
    assert h100.memory_bytes == 80 * 10**9
    assert h100.bandwidth_bytes_per_s == 3350 * 10**9
    assert h100.flops_per_s == 989e12
    assert known["NVIDIA T4"].flops_per_s is None  # no bf16 units
    assert known["NVIDIA GeForce RTX 4090"].flops_per_s == pytest.approx(165.2e12)


@pytest.mark.parametrize(
    ("name", "tflops"),
    [
        ("NVIDIA L4", 121),  # 242 with sparsity
        ("NVIDIA A100 SXM", 312),  # 624
        ("NVIDIA H100 SXM", 989),  # 1979
        ("NVIDIA B200 SXM", 2250),  # 4500
        ("AMD MI300X", 1307),  # 2615
        ("NVIDIA GeForce RTX 5090", 209.5),  # 838 with sparsity and fp16 accumulation
    ],
)
def test_arithmetic_is_that_of_dense_products(name, tflops):
    assert {device.name: device.bf16_tflops for device in devices()}[name] == tflops


def test_a_device_without_bf16_arithmetic_is_a_device(tmp_path):
    assert card(tmp_path).flops_per_s is None


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"n_kv_heads": 5}, "n_kv_heads must divide n_heads: got 5 and 32"),
        ({"max_context_len": "8k"}, "max_context_len must be a whole number: got '8k'"),
        ({"max_context_len": 0}, "max_context_len must be between 1 and 16777216: got 0"),
        ({"params": 0}, "params must be between 1 and 100000000000000: got 0"),
        ({"n_layers": ""}, "n_layers must be a whole number: got None"),
        ({"kv_lora_rank": 512}, "a layer must fill n_heads and n_kv_heads, head_dim: got n_heads"),
        ({"n_kv_heads": ""}, "a layer must fill n_heads and kv_lora_rank, .*: got n_heads, head"),
        ({"source": ""}, "source"),
        ({"source": "here,there"}, "a row must have 17 cells"),
        ({"window": 1024}, "window must come with n_window_layers: got 1024 alone"),
        ({"n_window_layers": 16}, "n_window_layers must come with window: got 16 alone"),
        ({"global_head_dim": 512}, "global_head_dim must come with window: got 512 alone"),
        ({"global_n_kv_heads": 4}, "global_n_kv_heads must come with window: got 4 alone"),
        (WINDOWS | {"window": 0}, "window must be between 1 and 16777216: got 0"),
        (WINDOWS | {"n_window_layers": 0}, "n_layers must be between 1 and 1000: got 0"),
        (WINDOWS | {"n_cacheless_layers": 13}, "at most n_layers together: got 33 of 32"),
        ({"n_cacheless_layers": 32}, "at least one run of layers"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_by_its_line(tmp_path, cells, sentence):
    good, bad = line(LLAMA | {"name": "Llama 3 9B"}), line(LLAMA | cells)
    with pytest.raises(ValueError, match=f"facts.csv line 3: .*{sentence}"):
        models(written(tmp_path, good, bad))


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"memory_label_gb": 0}, "memory_label_gb must be between 1 and 10000: got 0"),
        ({"bandwidth_gbps": "3.35"}, "bandwidth_gbps must be a whole number: got '3.35'"),
        ({"bandwidth_gbps": 10**6}, "bandwidth_gbps must be between 1 and 100000: got 1000000"),
        ({"bf16_tflops": "1e3"}, "bf16_tflops must be a number: got '1e3'"),
        ({"bf16_tflops": "0.0"}, "bf16_tflops must be above 0 and at most 100000: got 0.0"),
    ],
)
def test_a_device_that_breaks_a_rule_is_refused_by_its_line(tmp_path, cells, sentence):
    with pytest.raises(ValueError, match=f"facts.csv line 2: {sentence}"):
        card(tmp_path, **cells)


def test_a_name_that_comes_twice_other_columns_and_short_rows_are_refused(tmp_path):
    with pytest.raises(ValueError, match="line 3: name must come once: got 'Llama 3 8B' again"):
        models(written(tmp_path, line(LLAMA), line(LLAMA)))
    with pytest.raises(ValueError, match="columns must be name,n_layers"):
        models(written(tmp_path, line(LLAMA), columns=COLUMNS[:-1]))
    with pytest.raises(ValueError, match="line 2: a row must have 17 cells"):
        models(written(tmp_path, "Llama 3 8B,32"))


def test_an_unknown_model_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"model must be one of GPT-2 Small, .*: got 'GPT-9'"):
        model("GPT-9")


def test_loading_takes_milliseconds_and_neither_torch_nor_pandas():
    code = """
import sys, time
from gqa_core.catalog.devices import devices
from gqa_core.catalog.models import models
start = time.process_time()
assert len(models()) >= 60 and len(devices()) >= 20
print(time.process_time() - start, sorted({"torch", "pandas", "numpy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    seconds, heavy = done.stdout.split(maxsplit=1)
    print(f"catalogue loaded in {float(seconds) * 1e3:.2f} ms")
    assert heavy.strip() == "[]", done.stderr
    assert float(seconds) < 0.05
