"""The pretrained model: its loss and configuration are those of its training record."""

import pytest

from gqa_core.catalog.corpus import python_topics
from gqa_core.quality.pretrained import load_pretrained, pretrained_config, training_record
from gqa_core.quality.train import validation_loss
from gqa_core.records.specs.training import TrainingConfig


def test_the_pretrained_model_s_loss_is_its_record_s():
    record, corpus = training_record(), python_topics()
    loss = validation_loss(load_pretrained(), corpus.validation)
    if corpus.sha256 == record.corpus_sha256:
        assert loss == pytest.approx(record.validation_loss, abs=1e-4)
    else:  # another Python's manual: much the same English
        assert loss == pytest.approx(record.validation_loss, rel=0.15)


def test_the_pretrained_configuration_is_the_default_one():
    assert pretrained_config() == TrainingConfig()
    assert training_record().n_kv_heads == TrainingConfig().n_heads
