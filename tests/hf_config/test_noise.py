"""Text that is no config: one sentence each, whatever it is."""

import json
import random

import pytest

from gqa_core.configs import Workload
from gqa_core.hf_config.answer import config_record
from gqa_core.hf_config.read import MAX_BYTES, read_config
from gqa_core.theory.size import MOST_BYTES, size_warnings
from tests.hf_config.test_read import GPT_2, LATENT, LLAMA


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


def answered(text, workload):
    """The record of a text, or its one sentence."""
    try:
        return config_record(read_config(text), workload, "fp32"), None
    except ValueError as error:
        return None, str(error)


def test_any_text_is_an_answer_or_one_sentence():
    random_ = random.Random(4)
    n_answers = 0
    for _ in range(2000):
        text = changed(random_, random_.choice([LLAMA, LATENT, GPT_2]))
        workload = Workload(
            context_len=random_.choice([1, 8192, 2**24]), batch_size=random_.choice([1, 2**20])
        )
        record, sentence = answered(text, workload)
        if record is None:
            assert len(sentence.splitlines()) == 1
            continue
        n_answers += 1
        sizes = [number for name, number in record.items() if name.endswith("_bytes")]
        assert min(sizes) > 0
        assert bool(size_warnings(record)) == (max(sizes) > MOST_BYTES)
    assert n_answers > 200
