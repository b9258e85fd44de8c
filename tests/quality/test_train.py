"""Training: it learns, the same seed gives the same losses, and a kill changes nothing."""

import json

import pytest
import torch

from gqa_core.catalog.corpus import python_topics
from gqa_core.quality import pretrained as shipped
from gqa_core.quality import train as training
from gqa_core.quality import train_baseline as ship
from gqa_core.quality.checkpoint import read_tensors, write_tensors
from gqa_core.quality.model import LanguageModel
from gqa_core.quality.train import Schedule, held_out_loss, train
from gqa_core.records.specs.training import TrainingConfig
from tests.quality.test_model import TEXT, TINY, tiny

EVERY = 20  # steps between what is saved, here
LONG = 2 * EVERY + 10


def trained(n_steps=LONG, seed=3, **how):
    model = tiny()
    schedule = Schedule(n_steps=n_steps, warmup=5, lr=3e-3, cools=True)
    seen = train(
        model,
        TEXT,
        schedule,
        seed=seed,
        look_at=[0, EVERY, n_steps],
        look=lambda one: held_out_loss(one, TEXT),
        **how,
    )
    return model, seen


def test_training_learns_and_the_same_seed_gives_the_same_losses():
    _, first = trained()
    _, again = trained()
    _, other = trained(seed=4)
    assert first == pytest.approx(again, abs=1e-4)
    assert first != pytest.approx(other, abs=1e-4)
    assert first[0] == pytest.approx(5.545, abs=0.05)  # ln 256: nothing is known yet
    assert first[0] > first[1] > first[2]


class KilledError(Exception):
    """What stands in for a kill."""


@pytest.fixture(scope="module")
def unbroken():
    return trained()


@pytest.mark.parametrize("at", [EVERY - 1, EVERY + 7, 2 * EVERY])
def test_a_killed_training_ends_where_an_unbroken_one_does(unbroken, tmp_path, monkeypatch, at):
    monkeypatch.setattr(training, "SAVE_EVERY", EVERY)
    whole, seen = unbroken
    state = tmp_path / "state.safetensors"

    def kill(step):
        if step == at:
            raise KilledError

    with pytest.raises(KilledError):
        trained(state=state, heard=kill)
    assert state.exists() == (at >= EVERY)
    steps = []
    resumed, seen_again = trained(state=state, heard=steps.append)
    assert steps[0] == at // EVERY * EVERY + 1
    assert seen_again == pytest.approx(seen, abs=1e-6)
    for ours, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)
    assert not state.exists()


def test_a_short_uptraining_is_the_start_of_a_longer_one():
    training_config = TrainingConfig()
    short, longer = (Schedule.uptraining(training_config, n) for n in (10, 40))
    assert [short.at(step) for step in range(10)] == [longer.at(step) for step in range(10)]
    whole = Schedule.training(training_config)
    assert whole.at(training_config.warmup - 1) == training_config.lr
    assert whole.at(training_config.n_steps) == pytest.approx(training_config.lr / 10)


def test_the_text_is_split_by_topic_and_told_by_its_hash():
    corpus = python_topics()
    assert len(corpus.train) > 5 * len(corpus.validation) > 50_000
    assert corpus.validation[:200] not in corpus.train
    assert len(corpus.sha256) == 64


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ValueError, match=r"checkpoint weights\.safetensors cannot be read"):
        read_tensors(path)
    path.write_bytes(b"\x80\x04K\x01.")  # a pickle
    with pytest.raises(ValueError, match=r"checkpoint weights\.safetensors cannot be read"):
        read_tensors(path)
    write_tensors(path, {"a": torch.ones(2)}, {"said": "yes"})
    tensors, said = read_tensors(path)
    assert (tensors["a"].tolist(), said) == ([1.0, 1.0], {"said": "yes"})


def test_a_model_is_made_with_its_record_and_refused_without_its_hash(tmp_path, monkeypatch):
    monkeypatch.setattr(ship, "TrainingConfig", lambda: TINY)
    said = []
    ship.train_and_write(str(tmp_path), 0, say=said.append)
    shipped.training_record.cache_clear()
    record = shipped.training_record(tmp_path)
    assert said == [f"held-out loss {record['held_out_loss']:.4f} after 8 steps"]
    model = shipped.load_pretrained(tmp_path)
    assert isinstance(model, LanguageModel)
    loss = held_out_loss(model, python_topics().validation)
    assert loss == pytest.approx(record["held_out_loss"], abs=1e-6)
    lying = record | {"weights_sha256": "0" * 64}
    (tmp_path / shipped.RECORD).write_text(json.dumps(lying))
    shipped.training_record.cache_clear()
    with pytest.raises(ValueError, match="is not the one its record tells of"):
        shipped.load_pretrained(tmp_path)
