"""The model that ships: its weights are those of its record, and so is its loss on its text."""

import pytest

from gqa_core.catalog.corpus import python_topics
from gqa_core.quality.pretrained import load_pretrained, pretrained_config, training_record
from gqa_core.quality.train import held_out_loss
from gqa_core.records.specs.training import TrainingConfig


def test_the_shipped_model_s_loss_is_its_record_s():
    record, corpus = training_record(), python_topics()
    loss = held_out_loss(load_pretrained(), corpus.validation)
    if corpus.sha256 == record["corpus_sha256"]:
        assert loss == pytest.approx(record["held_out_loss"], abs=1e-4)
    else:  # another Python's manual: much the same English
        assert loss == pytest.approx(record["held_out_loss"], rel=0.15)


def test_the_shipped_recipe_is_the_default_one():
    assert pretrained_config() == TrainingConfig()
    assert training_record()["n_kv_heads"] == TrainingConfig().n_heads
