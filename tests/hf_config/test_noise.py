"""Text that is no config: one sentence each, whatever it is."""

import json
import random

import pytest

from gqa_core.commands.cli import main
from gqa_core.configs import Workload
from gqa_core.hf_config.answer import config_record
from gqa_core.hf_config.read import MAX_BYTES, read_config
from gqa_core.theory.size import MOST_BYTES, gpu_record, size_warnings
from tests.hf_config.configs import GPT_2, LATENT, LLAMA


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
def test_text_that_is_no_config_is_one_sentence(text, sentence):
    if sentence is None:
        sentence = "num_hidden_layers must be given"
    with pytest.raises(ValueError, match=sentence) as caught:
        read_config(text)
    assert "\n" not in str(caught.value)


ODD = (None, True, False, 0, 1, -1, 7, 2**31, 2**70, 0.5, 1e300, "", "8", "x" * 32, [], [1] * 32)
ODD += ({}, {"a": 1}, ["full_attention"] * 32, [[]], "M*" * 16, "\ud83d", [None], {"kv": [0]})
WIDE = LLAMA | {"num_key_value_heads": 32, "num_hidden_layers": 40, "sliding_window": 8}
KEYS = sorted(
    {*LLAMA, *LATENT, *GPT_2, "sliding_window", "layer_types", "attn_config", "text_config"}
    | {"linear_attn_config", "hybrid_override_pattern", "multi_query", "num_kv_shared_layers"}
)


def changed(random_, config):
    config = dict(config)
    for _ in range(random_.randint(0, 3)):
        key = random_.choice(KEYS) if random_.random() < 0.9 else random_.choice(["kv", "", "☃"])
        config[key] = random_.choice(ODD)
    text = json.dumps(config)
    return text[: random_.randrange(len(text))] if random_.random() < 0.1 else text


def answered(text, context_len, batch_size, kv_format, tp):
    """The record of a text and of arguments, or its one sentence."""
    try:
        config = read_config(text)
        workload = Workload(context_len=context_len, batch_size=batch_size)
        record = config_record(config, workload, kv_format)
        return record | gpu_record(config.model, workload, kv_format, tp), None
    except ValueError as error:
        return None, str(error)


def test_any_text_is_an_answer_or_one_sentence():
    random_ = random.Random(4)
    n_answers = n_warned = 0
    for _ in range(10_000):
        record, sentence = answered(
            changed(random_, random_.choice([LLAMA, LATENT, GPT_2, WIDE])),
            context_len=random_.choice([1, 8192, 2**24, 2**24, 2**24, 0]),
            batch_size=random_.choice([1, 2**20, 2**20, 2**20, -1]),
            kv_format=random_.choice(["fp32", "bf16", "int4_g32", "fp8_ds_mla"]),
            tp=random_.choice([1, 1, 2, 4, 3]),
        )
        if record is None:
            assert len(sentence.splitlines()) == 1
            continue
        n_answers += 1
        sizes = {name: number for name, number in record.items() if "_bytes" in name}
        assert len(sizes) == 7
        assert min(sizes.values()) > 0
        too_many = [name for name, number in sizes.items() if number > MOST_BYTES]
        warned = size_warnings(record)
        assert [warning.split()[0] for warning in warned] == too_many
        n_warned += bool(warned)
    assert n_answers > 1000
    assert n_warned > 10


def test_a_cache_beyond_belief_only_as_allocated_is_warned_of():
    # 2 x 32 x 128 x 2 B x 40 layers x 2^24 tokens x 2^20 sequences = 1.25 x 2^63
    record, _ = answered(json.dumps(WIDE), 2**24, 2**20, "bf16", tp=1)
    assert record["kv_cache_bytes_as_allocated"] == 5 * 2**61
    (warning,) = size_warnings(record)
    assert warning.startswith("kv_cache_bytes_as_allocated is above 2^63")


ARGUMENTS = ("", "0", "-1", "8", "x", "1.5", "nan", "1e9", "9" * 5000, "\ud800", "\u0668")


def test_any_argument_is_an_answer_or_one_sentence(tmp_path, capsys):
    path, random_ = tmp_path / "config.json", random.Random(5)
    path.write_text(json.dumps(LLAMA))
    codes = set()
    for _ in range(300):
        flags = ["--context-len", "8192", "--batch-size", "1", "--tp", "2", "--kv-format", "fp8"]
        for at in (1, 3, 5, 7):
            if random_.random() < 0.2:
                flags[at] = random_.choice(ARGUMENTS)
        codes.add(code := main(["size", str(path), "--json", *flags]))
        out, err = capsys.readouterr()
        assert code == (0 if out else 2)
        assert len((out or err).splitlines()) == 1
    assert codes == {0, 2}
