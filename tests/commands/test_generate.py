"""generate: the lengths that are measured with the cache alone."""

import sys

import pytest

from gqa_core.commands.cli import main

MODULE = "gqa_core.commands.generate"


@pytest.fixture
def measured(monkeypatch):
    """The specs that were to be measured."""
    specs = []
    monkeypatch.setattr(sys.modules[MODULE], "run", lambda more, options: specs.extend(more) or 0)
    return specs


def test_the_default_lengths_with_the_cache_alone_start_above_the_given_ones(measured):
    assert main(["generate", "--context-len", "1024,2048"]) == 0
    with_cache, without_cache = measured[:2]
    assert with_cache.context_lens == (1024, 2048, 3072, 4096)
    assert without_cache.context_lens == (1024, 2048)


def test_lengths_with_the_cache_alone_must_be_above_the_others(measured, capsys):
    lengths = ["--context-len", "512,1024", "--cached-context-len", "1024,2048"]
    assert main(["generate", *lengths]) == 2
    sentence = "cached_context_len must be above the last context_len, 1024: got 1024\n"
    assert capsys.readouterr().err == sentence
