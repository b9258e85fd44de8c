"""The catalogue: published numbers, their sources, errors by line, and no heavy import."""

import subprocess
import sys
from pathlib import Path

import pytest

from gqa_core.catalog import devices as device_catalog
from gqa_core.catalog.devices import devices
from gqa_core.catalog.models import COLUMNS, model, models
from gqa_core.catalog.results import published_results
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
BLOGS_AND_AGGREGATORS = (
    "aiwiki",
    "blogspot",
    "csdn",
    "emergentmind",
    "gamebastion",
    "goodnewsapodcast",
    "glennklockwood",
    "macrumors",
    "medium.com",
    "reddit",
    "spheron",
    "stas00/ml-engineering",
    "substack",
    "sysrqmts",
    "techpowerup",
    "tomshardware",
    "videocardz",
    "waredb",
    "wikipedia",
    "wordpress",
    "/blog",
)
CARD = {"name": "A card", "memory_label_gb": 80, "bandwidth_gbps": 3350, "source": "somewhere"}


def line(cells, columns=COLUMNS):
    return ",".join(str(cells.get(column, "")) for column in columns)


def write(tmp_path, *lines, columns=COLUMNS):
    path = tmp_path / "facts.csv"
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return path


def card(tmp_path, **cells):
    columns = device_catalog.COLUMNS
    return devices(write(tmp_path, line(CARD | cells, columns), columns=columns))[0]


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
    for entries in (models(), devices(), published_results()):
        assert all(entry.source for entry in entries)
        assert len({entry.name for entry in entries}) == len(entries)


def test_no_source_or_note_is_a_blog_or_an_aggregator():
    for entry in (*models(), *devices(), *published_results()):
        text = f"{entry.source} {entry.note}".lower()
        assert not [host for host in BLOGS_AND_AGGREGATORS if host in text], entry.name


def test_a_device_is_cited_from_its_vendor():
    for device in devices():
        vendor = device.name.split()[0]
        assert device.source.startswith(f"{vendor} ")


def test_a_citation_is_the_source_with_its_note(tmp_path):
    assert card(tmp_path).citation == "somewhere"
    (tmp_path / "noted").mkdir()
    assert card(tmp_path / "noted", note="rounded").citation == "somewhere (rounded)"


def test_deepseek_s_latent_is_the_published_one():
    latent = model("DeepSeek-V3").config.attention
    assert (latent.kv_lora_rank, latent.qk_rope_head_dim) == (
        DEEPSEEK_V3.kv_lora_rank,
        DEEPSEEK_V3.qk_rope_head_dim,
    )


def test_a_number_without_a_source_is_none():
    glm, kimi = model("GLM-4.5"), model("Kimi K2.5")
    assert (glm.max_context_len, glm.params) == (None, None)
    assert (kimi.max_context_len, kimi.params) == (262_144, None)


def test_a_row_may_have_windows_layers_without_a_cache_and_global_heads(tmp_path):
    mixed = {"n_cacheless_layers": 8, "global_n_kv_heads": 4, "global_head_dim": 512}
    (known,) = models(write(tmp_path, line(LLAMA | WINDOWS | mixed)))
    local, full = known.config.layer_groups
    assert (local.n_layers, local.window, local.attention.n_kv_heads) == (20, 1024, 8)
    assert (full.n_layers, full.window, full.attention.n_kv_heads) == (4, None, 4)
    assert (full.attention.head_dim, full.attention.v_head_dim) == (512, 512)
    assert known.config.n_layers == 32


def test_a_row_may_have_windows_in_all_layers(tmp_path):
    (known,) = models(write(tmp_path, line(LLAMA | WINDOWS | {"n_window_layers": 32})))
    assert known.config.layer_groups == (
        LayerGroup(attention=known.config.attention, n_layers=32, window=1024),
    )


def test_a_device_has_its_label_s_numbers_in_decimal_units():
    known = {device.name: device for device in devices()}
    h100 = known["NVIDIA H100 SXM"]
    assert h100.memory_bytes == 80 * 10**9
    assert h100.bandwidth_bytes_per_s == 3350 * 10**9
    assert h100.flops_per_s == 989e12
    assert known["NVIDIA T4"].flops_per_s is None  # no bf16 units
    assert known["NVIDIA GeForce RTX 4090"].flops_per_s == pytest.approx(165.2e12)


def test_usable_memory_is_within_a_few_percent_of_the_label_unless_a_cpu_shares_it(tmp_path):
    for device in devices():
        ratio = device.usable_bytes / device.memory_bytes
        shared = device.name.startswith("Apple ")
        assert (0.7 < ratio < 0.82) if shared else (0.97 < ratio < 1.08), device.name
        assert device.usable_source
    assert card(tmp_path).usable_bytes == 80 * 10**9  # as on the label if no source gives it


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
        ({"n_layers": ""}, "n_layers must be given: got no number"),
        ({"kv_lora_rank": 512}, "a layer must fill n_heads and n_kv_heads, head_dim: got n_heads"),
        ({"n_kv_heads": ""}, "a layer must fill n_heads and kv_lora_rank, .*: got n_heads, head"),
        ({"source": ""}, "source"),
        ({"source": "here,there,nowhere"}, "a row must have 27 cells"),
        ({"window": 1024}, "window must come with n_window_layers: got 1024 alone"),
        ({"n_window_layers": 16}, "n_window_layers must come with window: got 16 alone"),
        ({"global_head_dim": 512}, "global_head_dim must come with window: got 512 alone"),
        ({"global_n_kv_heads": 4}, "global_n_kv_heads must come with window: got 4 alone"),
        (WINDOWS | {"window": 0}, "window must be between 1 and 16777216: got 0"),
        (WINDOWS | {"n_window_layers": 0}, "n_layers must be between 1 and 1000: got 0"),
        (WINDOWS | {"n_cacheless_layers": 13}, "at most n_layers together: got 33 of 32"),
        ({"n_cacheless_layers": 32}, "a layer that caches tokens or a state"),
        ({"n_indexer_layers": 3}, "n_indexer_layers must come with index_head_dim: got 3 alone"),
        ({"index_head_dim": 128}, "index_head_dim must come with n_indexer_layers: got 128 alone"),
        ({"n_state_layers": 3}, "a state must have a kind from linear attention, .*: got ''"),
        ({"state_kind": "state-space"}, "n_state_layers: got 'state-space' and no number"),
        ({"state_kind": "magic", "n_state_layers": 3}, "a kind from .*: got 'magic'"),
        (
            {"params": 100, "embedding_params": 101},
            "embedding_params must be between 1 and 100: got 101",
        ),
        ({"caches_per_layer": 0}, "caches_per_layer must be between 1 and"),
    ],
)
def test_a_row_that_breaks_a_rule_is_rejected_with_its_line(tmp_path, cells, sentence):
    good, bad = line(LLAMA | {"name": "Llama 3 9B"}), line(LLAMA | cells)
    with pytest.raises(ValueError, match=f"facts.csv line 3: .*{sentence}"):
        models(write(tmp_path, good, bad))


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"memory_label_gb": 0}, "memory_label_gb must be between 1 and 10000: got 0"),
        (
            {"usable_mib": 0, "usable_source": "x"},
            "usable_mib must be between 1 and 10000000: got 0",
        ),
        ({"usable_mib": 81091}, "usable_mib must have a usable_source: got A card without"),
        ({"bandwidth_gbps": "3.35"}, "bandwidth_gbps must be a whole number: got '3.35'"),
        ({"bandwidth_gbps": 10**6}, "bandwidth_gbps must be between 1 and 100000: got 1000000"),
        ({"bf16_tflops": "1e3"}, "bf16_tflops must be a number: got '1e3'"),
        ({"bf16_tflops": "0.0"}, "bf16_tflops must be above 0 and at most 100000: got 0.0"),
    ],
)
def test_a_device_that_breaks_a_rule_is_rejected_with_its_line(tmp_path, cells, sentence):
    with pytest.raises(ValueError, match=f"facts.csv line 2: {sentence}"):
        card(tmp_path, **cells)


def test_repeated_names_other_columns_and_short_rows_are_rejected(tmp_path):
    with pytest.raises(ValueError, match="line 3: name must come once: got 'Llama 3 8B' again"):
        models(write(tmp_path, line(LLAMA), line(LLAMA)))
    with pytest.raises(ValueError, match="columns must be name,n_layers"):
        models(write(tmp_path, line(LLAMA), columns=COLUMNS[:-1]))
    with pytest.raises(ValueError, match="line 2: a row must have 27 cells"):
        models(write(tmp_path, "Llama 3 8B,32"))


def test_an_unknown_model_is_rejected_with_the_known_names():
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
