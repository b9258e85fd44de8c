"""fit: budgets by hand, both ways, with an engine and a split over GPUs."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gqa_core.commands.cli import main
from gqa_core.commands.quantities import parse_bytes, parse_share

LLAMA_8B = "--n-layers 32 --n-heads 32 --n-kv-heads 8 --head-dim 128"  # 131,072 B per token
MLA = (
    "--n-layers 61 --n-heads 128 --kv-lora-rank 512 --qk-rope-head-dim 64"
    " --qk-nope-head-dim 128 --v-head-dim 128"
)


def fit(capsys, options):
    assert main(["fit", *options.split(), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, options):
    code = main(["fit", *options.split()])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return code, captured.err


def test_a_budget_is_memory_times_utilisation_minus_the_weights(capsys):
    # 80e9 x 0.9 - 16e9 = 56e9; 8,192 tokens x 131,072 B = 2^30: 52 of them
    answer = fit(
        capsys, f"{LLAMA_8B} --memory 80GB --weights 16GB --utilisation 0.9 --context-len 8192"
    )
    assert answer["kv_budget_bytes_per_gpu"] == 56 * 10**9
    assert answer["bytes_per_sequence_per_gpu"] == 2**30
    assert answer["max_sequences"] == 52
    assert "max_context_len" not in answer
    less = fit(capsys, f"{LLAMA_8B} --memory 80GB --weights 16GB --overhead 2GB --context-len 8192")
    assert less["max_sequences"] == 50  # 54e9 / 2^30 = 50.3


def test_the_memory_of_the_cache_may_be_given_alone(capsys):
    # 17.39 x 2^30 / 4 / 131,072 = 35,614.7; vLLM's blocks of 16: 35,600
    budget = f"{LLAMA_8B} --kv-memory 17.39GiB --batch-size 4"
    assert fit(capsys, budget)["max_context_len"] == 35_614
    answer = fit(capsys, f"{budget} --engine vllm")
    assert (answer["max_context_len"], answer["max_context_len_as_allocated"]) == (35_600, 35_614)
    assert fit(capsys, f"{budget} --engine vllm --block-size 64")["max_context_len"] == 35_584


def test_both_questions_may_be_put_at_once(capsys):
    answer = fit(capsys, f"{LLAMA_8B} --kv-memory 4GiB --batch-size 4 --context-len 8192")
    assert (answer["max_sequences"], answer["max_context_len"], answer["fits"]) == (4, 8192, True)
    answer = fit(capsys, f"{LLAMA_8B} --kv-memory 4GiB --batch-size 4 --context-len 8193")
    assert (answer["max_sequences"], answer["fits"]) == (3, False)


def test_data_and_context_parallel_ranks_multiply_the_room_of_a_latent(capsys):
    # 70,272 B per token: 10 x 2^30 / (70,272 x 1,000) = 152.8; on 8 GPUs
    budget = f"{MLA} --kv-memory 10GiB --context-len 1000"
    assert fit(capsys, f"{budget} --tp 8")["max_sequences"] == 152
    assert fit(capsys, f"{budget} --dp 8")["max_sequences"] == 8 * 152
    assert fit(capsys, f"{budget} --tp 8 --dcp 8")["max_sequences"] == 1222  # 125 tokens each
    assert fit(capsys, f"{budget} --tp 8 --dcp 8")["n_gpus"] == 8


def test_the_text_says_the_budget_and_the_answers(capsys):
    assert main(f"fit {LLAMA_8B} --kv-memory 4GiB --batch-size 4 --context-len 8192".split()) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 GPU (tp 1, dp 1, dcp 1, pp 1), engine ideal, bf16",
        "for the cache: 4.00 GiB (4.29 GB) per GPU",
        "per sequence and GPU: 1.00 GiB (1.07 GB)",
        "most sequences of 8,192 tokens: 4 sequences",
        "longest context of 4 sequences: 8,192 tokens",
        "fits: yes",
    ]
    assert main(f"fit {LLAMA_8B} --memory 8GB --weights 16GB --batch-size 1".split()) == 0
    shown = capsys.readouterr().out
    assert "nothing is left" in shown
    assert "longest context of 1 sequence: 0 tokens" in shown


def test_an_overhead_that_is_not_given_is_told_beside_the_one_that_advise_takes(capsys):
    budget = f"fit {LLAMA_8B} --memory 80GB --weights 16GB --context-len 8192"
    for engine, expected in (("ideal", "1.37 GB"), ("sglang", "536.87 MB")):
        assert main([*budget.split(), "--engine", engine]) == 0
        line = f"overhead: 0 B; advise and the dashboard take {expected}"
        assert line in capsys.readouterr().out.splitlines()
    for options in (f"{budget} --overhead 0B", f"fit {LLAMA_8B} --kv-memory 4GiB --batch-size 4"):
        assert main(options.split()) == 0
        assert "overhead" not in capsys.readouterr().out


def test_weights_are_those_that_a_config_implies(capsys, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "model_type": "llama",
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 8,
                "hidden_size": 4096,
                "intermediate_size": 14336,
                "vocab_size": 128256,
                "max_position_embeddings": 8192,
                "tie_word_embeddings": False,
                "torch_dtype": "bfloat16",
            }
        )
    )
    answer = fit(capsys, f"{config} --memory 80GB --context-len 8192")
    assert answer["weight_bytes_per_gpu"] == pytest.approx(16.06e9, rel=0.001)
    assert answer["own_max_context_len"] == 8192


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (f"{LLAMA_8B} --context-len 8", "a budget is given by --memory or by --kv-memory: got n"),
        (f"{LLAMA_8B} --memory 1GB --kv-memory 1GB --batch-size 1", "by --kv-memory: got both"),
        (f"{LLAMA_8B} --kv-memory 1GB", "--context-len or --batch-size must be given"),
        (f"{LLAMA_8B} --kv-memory 1GB --weights 1GB --batch-size 1", "got --weights beside it"),
        (f"{LLAMA_8B} --memory 80GB --batch-size 1", "--weights must be given, such as 16GB"),
        (f"{LLAMA_8B} --memory 80XB --batch-size 1", "memory must be bytes with or without"),
        (f"{LLAMA_8B} --kv-memory -1GB --batch-size 1", "kv_memory must be bytes"),
        (f"{LLAMA_8B} --kv-memory 0.5B --batch-size 1", "memory_bytes must be between 1"),
        (
            f"{LLAMA_8B} --memory 80GB --weights 1GB --utilisation 1.01 --batch-size 1",
            "utilisation must be a number above 0 and up to 1: got '1.01'",
        ),
        (f"{LLAMA_8B} --kv-memory 1GB --batch-size 1 --tp 3", "tp must divide n_heads"),
        (
            f"{LLAMA_8B} --kv-memory 1GB --batch-size 1 --block-size 8",
            "--block-size must be an option of an engine: give --engine too",
        ),
    ],
)
def test_budgets_that_cannot_be_are_refused(capsys, options, sentence):
    code, error = refused(capsys, options)
    assert code == 2
    assert sentence in error


@given(st.integers(0, 10**15), st.sampled_from(["B", "kB", "MB", "GB", "MiB", "GiB", "TiB"]))
def test_sizes_are_read_exactly(number, unit):
    integer, thousandths = divmod(number, 1000)
    expected = Fraction(number, 1000) * parse_bytes("memory", f"1{unit}")
    assert parse_bytes("memory", f"{integer}.{thousandths:03}{unit}") == expected


@given(st.text(max_size=30))
def test_any_text_is_a_size_and_a_share_or_one_sentence(text):
    for parse in (parse_bytes, parse_share):
        try:
            answer = parse("memory", text)
        except ValueError as error:
            answer = error
        assert str(answer).startswith("memory must be ") or answer >= 0
