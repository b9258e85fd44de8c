"""advise: one recommendation with its reasons, from options, a config and the catalogue."""

import json

import pytest

from gqa_core.commands.cli import main
from tests.records.fake_records import record

LAYER = "--n-layers 28 --n-heads 24 --n-kv-heads 8 --head-dim 128 --weights 6.425499648GB"
DEMAND = ["--device", "H100 SXM", "--context-len", "8192", "--users", "100"]
CONFIG = {
    "model_type": "llama",
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "num_hidden_layers": 28,
    "vocab_size": 128256,
    "tie_word_embeddings": True,
    "max_position_embeddings": 4096,
    "torch_dtype": "bfloat16",
}


@pytest.fixture
def answer(capsys, log):
    def advise(*options):
        arguments = ["advise", *LAYER.split(), *DEMAND, *options, "--log", str(log.path), "--json"]
        assert main(arguments) == 0
        return json.loads(capsys.readouterr().out)

    return advise


def refused(capsys, *options):
    assert main(["advise", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return captured.err


def test_the_answer_is_the_most_kv_heads_that_serve_the_users(answer):
    # 81,091 MiB x 0.9 - 6.425 GB - 1.28 GiB = 68.73 GB: 146 users with 4 heads, 97 with 6
    advice = answer()
    assert (advice["n_kv_heads"], advice["recommended"]) == (4, "4 K/V heads")
    assert advice["answer"].startswith("Take 4 K/V heads, the most with which 1 x NVIDIA H100 SXM")
    users = {each["n_kv_heads"]: each["sizes"]["max_users"] for each in advice["candidates"]}
    assert (users[6], users[4]) == (97, 146)
    (failure,) = next(each for each in advice["candidates"] if each["n_kv_heads"] == 6)["failures"]
    assert failure == {
        "limit": "users",
        "reason": "97 users of 8,192 tokens fit, 94 to count on, 100 wanted",
    }
    assert {result["variant"] for result in advice["published_results"]} == {
        *("MHA", "GQA", "MQA", "MLA")
    }


def test_limits_and_gpus_change_the_answer(answer):
    assert answer("--users", "1")["n_kv_heads"] == 24
    assert answer("--max-ms", "12")["n_kv_heads"] == 2
    assert answer("--kv-format", "fp8")["n_kv_heads"] == 8
    assert answer("--tp", "2")["n_kv_heads"] == 8  # with 12 101 fit, 98 to count on
    assert answer("--overhead", "30GB")["n_kv_heads"] == 3
    nothing = answer("--users", "10000")
    assert nothing["n_kv_heads"] is nothing["recommended"] is None
    assert nothing["closest"] == "1 K/V head"


def test_sample_runs_that_cannot_be_read_are_one_line_and_the_answer_stands(
    capsys, log, tmp_path, monkeypatch
):
    monkeypatch.setattr("gqa_core.sample_runs.reader.FOLDER", tmp_path)
    (tmp_path / "cpu.jsonl.gz").write_bytes(b"hello\n")
    assert main(["advise", *LAYER.split(), *DEMAND, "--log", str(log.path)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Take 4 K/V heads")
    (line,) = captured.err.splitlines()
    assert line.startswith("warning: sample runs must be records of this version: cpu.jsonl.gz")


def test_a_measured_step_of_the_log_stands_beside_the_prediction(answer, log):
    measured = record()
    log.append(measured)
    workload, heads = measured.workload, measured.config
    layer = f"--n-heads {heads.n_heads} --n-kv-heads {heads.n_kv_heads} --head-dim {heads.head_dim}"
    advice = answer(
        *layer.split(),
        *("--users", str(workload.batch_size), "--context-len", str(workload.context_len)),
        *("--kv-format", workload.kv_format),
    )
    steps = {each["n_kv_heads"]: each["measured_step"] for each in advice["candidates"]}
    step = steps.pop(heads.n_kv_heads)
    assert step["n_layers"] == workload.n_layers
    assert step["device"] == measured.device.name
    assert step["evidence"] == "measured here"
    assert set(steps.values()) == {None}


def test_the_text_has_the_answer_first_and_a_row_per_candidate(capsys, log):
    assert main(["advise", *LAYER.split(), *DEMAND, "--log", str(log.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Take 4 K/V heads")
    rows = [line.split() for line in lines if ":1 " in line and "fit" not in line]
    assert [row[1] for row in rows if row[2] == "K/V"] == ["24", "12", "8", "6", "4", "3", "2", "1"]
    assert [row[0] for row in rows][3:5] == ["*x", ">*"]
    assert "x 6 K/V heads: 97 users of 8,192 tokens fit, 94 to count on, 100 wanted" in lines


def test_a_config_brings_its_weights_and_its_own_maximum(capsys, log, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    arguments = ["advise", "--config", str(path), *DEMAND, "--log", str(log.path)]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "6.43 GB of weights are those with 8 K/V heads." in text
    assert "The model's own maximum is 4,096 tokens." in text
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["published_models_of"] == "1.6B to 6.4B parameters"


def test_a_published_model_is_named(capsys, log):
    arguments = ["advise", "--model", "Llama 3 8B", *DEMAND, "--log", str(log.path), "--json"]
    assert main(arguments) == 0
    advice = json.loads(capsys.readouterr().out)
    assert advice["weight_bytes"] == 16_060_522_496
    own = next(each for each in advice["candidates"] if each["is_own"])
    assert (own["n_kv_heads"], "Llama 3 8B" in own["published_models"]) == (8, True)


def test_heads_of_unknown_weights_are_taken_as_the_fewest(capsys, log):
    arguments = ["--n-layers", "28", "--n-heads", "24", "--head-dim", "128", "--weights", "6GB"]
    assert main(["advise", *arguments, *DEMAND, "--log", str(log.path), "--json"]) == 0
    advice = json.loads(capsys.readouterr().out)
    assert advice["weights_kv_heads"] is None
    assert advice["candidates"][0]["extra_weight_bytes"] == 28 * 23 * 256 * 6144 * 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "Gemma 3 12B", *DEMAND], "--weights must be given"),
        (["--n-layers", "2", "--n-heads", "8", "--head-dim", "64", *DEMAND], "--weights must be"),
        (["--model", "Llama 3 8B", "--config", "x", *DEMAND], "--config and --model exclude"),
        (["--model", "Llama 3 8B", "--n-heads", "8", *DEMAND], "--model says what its layers are"),
        (["--model", "nobody", *DEMAND], "model must be one of"),
        ([*LAYER.split(), *DEMAND, "--max-ms", "-1"], "max_ms must be a number above 0: got '-1'"),
        ([*LAYER.split(), *DEMAND, "--max-ms", "0"], "max_ms must be a number above 0: got '0'"),
        (
            [*LAYER.split(), *DEMAND[2:], "--device", "H100"],
            "device must name one of NVIDIA H100 S",
        ),
        ([*LAYER.split(), *DEMAND[2:], "--device", "abacus"], "device must name one of NVIDIA T4"),
        ([*LAYER.split(), *DEMAND[2:]], "Missing option '--device'"),
        ([*LAYER.split(), *DEMAND, "--users", "0"], "users must be between 1 and"),
    ],
)
def test_bad_input_is_one_sentence(capsys, options, message):
    assert message in refused(capsys, *options)
