"""The catalogue: published numbers, their sources, refusals by line, and no heavy import."""

import subprocess
import sys
from pathlib import Path

import pytest

from gqa_core.catalog.devices import devices
from gqa_core.catalog.models import COLUMNS, model, models
from gqa_core.theory.memory import kv_bytes_per_token
from tests.anchors import DEEPSEEK_V3

ROOT = Path(__file__).parents[2]
LLAMA = "Llama 3 8B,32,32,8,128,,,,,8192,somewhere"


def written(tmp_path, *rows, columns=COLUMNS):
    path = tmp_path / "models.csv"
    path.write_text("\n".join([",".join(columns), *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("name", "variant", "per_token"),
    [
        ("Llama 2 7B", "MHA", 524_288),  # 2 x 32 x 128 x 32 layers x 2 B
        ("StarCoder 15B", "MQA", 20_480),  # 2 x 1 x 128 x 40 layers x 2 B
        ("Llama 3 8B", "GQA", 131_072),  # 2 x 8 x 128 x 32 layers x 2 B
        ("Llama 3 70B", "GQA", 327_680),  # 2 x 8 x 128 x 80 layers x 2 B
        ("DeepSeek-V3", "MLA", 70_272),  # (512 + 64) x 61 layers x 2 B
    ],
)
def test_published_bytes_per_token_follow_from_a_model_s_row(name, variant, per_token):
    known = model(name)
    assert known.attention.variant == variant
    assert kv_bytes_per_token(known.config, "bf16") == per_token


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


def test_a_device_s_memory_is_its_label_in_decimal_gigabytes():
    memory = {device.name: device.memory_bytes for device in devices()}
    assert memory["NVIDIA H100 SXM"] == 80 * 10**9


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (LLAMA.replace("32,8,128", "32,5,128"), "n_kv_heads must divide n_heads: got 5 and 32"),
        (LLAMA.replace("8192", "8k"), "max_context_len must be a whole number: got '8k'"),
        (LLAMA.replace(",128,,", ",128,512,"), "a layer must fill n_heads and n_kv_heads"),
        (LLAMA.replace("8192", ""), "max_context_len must be a whole number: got None"),
        (LLAMA.replace("somewhere", ""), "source"),
        (LLAMA + ",more", "a row must have 11 cells"),
        ("Llama 3 8B,32", "a row must have 11 cells"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_by_its_line(tmp_path, row, sentence):
    good = LLAMA.replace("8B", "9B")
    with pytest.raises(ValueError, match=f"models.csv line 3: .*{sentence}"):
        models(written(tmp_path, good, row))


def test_a_name_that_comes_twice_and_other_columns_are_refused(tmp_path):
    with pytest.raises(ValueError, match="line 3: name must come once: got 'Llama 3 8B' again"):
        models(written(tmp_path, LLAMA, LLAMA))
    with pytest.raises(ValueError, match="columns must be name,n_layers"):
        models(written(tmp_path, LLAMA, columns=COLUMNS[:-1]))


def test_an_unknown_model_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"model must be one of Llama 2 7B, .*: got 'GPT-9'"):
        model("GPT-9")


def test_loading_takes_milliseconds_and_neither_torch_nor_pandas():
    code = """
import sys, time
from gqa_core.catalog.devices import devices
from gqa_core.catalog.models import models
start = time.perf_counter()
assert models() and devices()
print(time.perf_counter() - start, sorted({"torch", "pandas", "numpy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    seconds, heavy = done.stdout.split(maxsplit=1)
    print(f"catalogue loaded in {float(seconds) * 1e3:.2f} ms")
    assert heavy.strip() == "[]", done.stderr
    assert float(seconds) < 0.05
