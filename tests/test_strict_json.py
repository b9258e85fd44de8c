"""Untrusted JSON: bounded in size and depth, unambiguous, and parsed in linear time."""

import json

import pytest

from gqa_core.strict_json import MAX_KEYS, parse_object
from tests.cpu_time import cpu_seconds


def object_with_keys(n_keys, *, last=None):
    keys = [f"k{i}" for i in range(n_keys - 1)] + [last or "last"]
    return ("{" + ",".join(f'"{key}":0' for key in keys) + "}").encode()


@pytest.mark.parametrize("n_keys", [MAX_KEYS, 130_000])
def test_a_repeated_last_key_is_refused_in_linear_time(n_keys):
    text = object_with_keys(n_keys, last="k0")

    def refuse():
        with pytest.raises(ValueError, match="twice" if n_keys == MAX_KEYS else "at most 10000"):
            parse_object(text, "config")

    # 130,000 keys took 482 s when each key was counted among all, and 10,000 about 3 s
    assert cpu_seconds(refuse, within=0.5) < 0.5


def test_keys_are_counted_over_all_objects():
    assert len(parse_object(object_with_keys(MAX_KEYS), "config")) == MAX_KEYS
    sentence = "config must have at most 10000 keys in all: got 10001"
    with pytest.raises(ValueError, match=sentence):
        parse_object(object_with_keys(MAX_KEYS + 1), "config")
    half = {f"k{i}": 0 for i in range(MAX_KEYS // 2)}
    with pytest.raises(ValueError, match=sentence):
        parse_object(json.dumps({**half, "inner": half}).encode(), "config")


def test_equal_keys_of_different_objects_are_no_repetition():
    assert parse_object(b'{"a": {"b": 1}, "c": {"b": 1}}', "x") == {"a": {"b": 1}, "c": {"b": 1}}
