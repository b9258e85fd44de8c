"""size with an engine, a split over GPUs, and formats of K and V."""

import json

import pytest

from gqa_core.catalog.models import model
from gqa_core.commands.cli import main
from gqa_core.configs import Workload
from gqa_core.theory.engines import allocate
from gqa_core.theory.parallelism import Parallelism
from gqa_core.units import GIB, MIB

LLAMA_8B = "--n-layers 32 --n-heads 32 --n-kv-heads 8 --head-dim 128"
V2_LITE = (
    "--n-layers 27 --n-heads 16 --kv-lora-rank 512 --qk-rope-head-dim 64"
    " --qk-nope-head-dim 128 --v-head-dim 128"
)
LLAMA_4 = {
    "model_type": "llama4_text",
    "num_hidden_layers": 48,
    "num_attention_heads": 40,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_size": 5120,
    "attention_chunk_size": 8192,
}
GPT_OSS_120B = {
    "model_type": "gpt_oss",
    "num_hidden_layers": 36,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "hidden_size": 2880,
    "sliding_window": 128,
    "layer_types": ["sliding_attention", "full_attention"] * 18,
}


def size(capsys, options, tmp_path=None, config=None):
    arguments = options.split()
    if config is not None:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        arguments = [str(path), *arguments]
    assert main(["size", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_k_and_v_have_formats_of_their_own(capsys):
    # per token and layer: 8 heads x 128, K 34 / 32 B and V 18 / 32 B
    answer = size(capsys, f"{LLAMA_8B} --context-len 1 --kv-format q8_0,q4_0")
    assert answer["kv_bytes_per_token"] == 32 * (32 * 34 + 32 * 18)


def test_llama_4_has_24_gib_per_gpu_beside_6_14(capsys, tmp_path):
    options = "--context-len 1048576 --tp 8 --engine vllm"
    answer = size(capsys, options, tmp_path, LLAMA_4)
    assert answer["kv_cache_bytes_as_allocated_per_gpu"] == 24 * GIB
    assert answer["engine_bytes_per_gpu"] == 24 * GIB
    assert f"{answer['kv_cache_bytes_per_gpu'] / GIB:.2f}" == "6.14"
    assert answer["kv_cache_bytes_all_gpus"] == 8 * answer["kv_cache_bytes_per_gpu"]


@pytest.mark.parametrize("name", ["Llama 4 Scout", "Llama 4 Maverick"])
def test_the_catalogue_knows_the_families_that_engines_treat_alone(name):
    split, workload = Parallelism(tp=8), Workload(context_len=2**20)
    allocation = allocate("vllm", model(name).config, workload, "bf16", parallelism=split)
    assert allocation.gpu_bytes == 24 * GIB
    falcon = model("Falcon 40B").config
    allocation = allocate("transformers", falcon, Workload(context_len=1), "bf16")
    assert allocation.gpu_bytes == 60 * 2 * 128 * 64 * 2


def test_an_engine_is_printed_beside_the_ideal(capsys, tmp_path):
    options = "--context-len 131072 --engine vllm --max-num-batched-tokens 1024"
    answer = size(capsys, options, tmp_path, GPT_OSS_120B)
    assert f"{answer['engine_bytes_per_gpu'] / GIB:.2f}" == "4.54"
    assert f"{answer['engine_ideal_bytes_per_gpu'] / GIB:.3f}" == "4.504"
    assert answer["kv_cache_bytes_as_allocated"] == 9 * GIB
    assert (
        sum(part["allocated_bytes"] for part in answer["engine_parts"])
        == (answer["engine_bytes_per_sequence"])
    )
    assert all(rule["source"] for rule in answer["engine_rules"])


def test_expanded_mla_is_the_headline_if_asked_for(capsys):
    answer = size(capsys, f"{V2_LITE} --context-len 1 --mla expanded")
    assert answer["kv_bytes_per_token"] == 276_480
    answer = size(capsys, f"{V2_LITE} --context-len 1 --engine transformers")
    assert answer["kv_bytes_per_token"] == 27 * 576 * 2
    assert answer["engine_bytes_per_gpu"] == 276_480


def test_a_split_says_copies_wire_and_the_shortest_step(capsys):
    options = f"{V2_LITE} --context-len 4096 --batch-size 8 --tp 8 --dcp 4 --read-bandwidth 1TB"
    answer = size(capsys, options)
    assert (answer["kv_copies"], answer["n_gpus"]) == (2, 8)
    assert answer["kv_cache_bytes_per_gpu"] == 8 * 27 * 1152 * 1024
    assert answer["read_s_per_step"] == answer["total_bytes_per_gpu"] / 10**12
    assert answer["wire_bytes_per_step"] == 27 * answer["wire_bytes_per_layer"] > 0


def test_the_text_names_engine_and_parts(capsys):
    command = f"size {LLAMA_8B} --context-len 8190 --engine vllm --tp 16 --read-bandwidth 1TB"
    assert main(command.split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "copies of each K/V byte: 2" in lines
    assert "vllm allocates: 128.00 MiB (134.22 MB) per GPU, +32.00 KiB against the ideal" in lines
    assert any(line.startswith("shortest step: 134 us") for line in lines)
    assert 128 * MIB == 32 * 512 * 8192


def test_one_gpu_is_not_called_all_gpus(capsys):
    assert main(f"size {LLAMA_8B} --context-len 8190 --engine vllm --tp 1".split()) == 0
    (line,) = (text for text in capsys.readouterr().out.splitlines() if text.startswith("per GPU:"))
    assert "all" not in line


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--kv-format q8_0,x", "kv_format must be one of"),
        ("--kv-format q8_0,q4_0,q4_0", "kv_format must be one name, or that of K and V"),
        ("--block-size 8", "--block-size must be an option of an engine: give --engine too"),
        ("--engine vllm --n-ubatch 8", "--n-ubatch must be an option of the engine vllm"),
        ("--engine x", "engine must be one of ideal, as-allocated, vllm"),
        ("--tp 8 --dcp 3", "dcp must divide tp: got 3 and 8"),
        ("--tp 8 --dcp 2 --engine vllm", "dcp must be at most tp / n_kv_heads in vLLM"),
        ("--pp 33", "pp must be at most the number of layers: got 33 and 32"),
    ],
)
def test_options_that_cannot_be_are_refused(capsys, options, sentence):
    assert main(f"size {LLAMA_8B} --context-len 8 {options}".split()) == 2
    assert sentence in capsys.readouterr().err
