"""Training: it learns, the same seed gives the same losses, and a kill changes nothing."""

import msgspec
import pytest
import torch

from gqa_core.catalog.corpus import python_topics
from gqa_core.quality import pretrained, train_baseline
from gqa_core.quality import train as training
from gqa_core.quality.checkpoint import read_tensors, write_tensors
from gqa_core.quality.model import LanguageModel
from gqa_core.quality.train import Schedule, train, validation_loss
from gqa_core.records.specs.training import TrainingConfig
from tests.quality.test_model import TEXT, TINY, tiny

PERIOD = 20  # steps between saves in these tests
LONG = 2 * PERIOD + 10


def trained(n_steps=LONG, seed=3, **kwargs):
    model = tiny()
    schedule = Schedule(n_steps=n_steps, warmup=5, lr=3e-3, cosine_decay=True)
    losses = train(
        model,
        TEXT,
        schedule,
        seed=seed,
        eval_steps=[0, PERIOD, n_steps],
        evaluate=lambda trained_model: validation_loss(trained_model, TEXT),
        **kwargs,
    )
    return model, losses


@pytest.mark.slow
def test_training_learns_and_the_same_seed_gives_the_same_losses():
    _, first = trained()
    _, again = trained()
    _, other = trained(seed=4)
    assert first == pytest.approx(again, abs=1e-4)
    assert first != pytest.approx(other, abs=1e-4)
    assert first[0] == pytest.approx(5.545, abs=0.05)  # ln 256: nothing is known yet
    assert first[0] > first[1] > first[2]


class KilledError(Exception):
    """Raised in place of a kill."""


@pytest.fixture(scope="module")
def unbroken():
    return trained()


@pytest.mark.slow
@pytest.mark.parametrize("killed_step", [PERIOD - 1, PERIOD + 7, 2 * PERIOD])
def test_a_killed_training_ends_where_an_unbroken_one_does(
    unbroken, tmp_path, monkeypatch, killed_step
):
    monkeypatch.setattr(training, "SAVE_EVERY", PERIOD)
    uninterrupted, losses = unbroken
    state = tmp_path / "state.safetensors"

    def kill(step):
        if step == killed_step:
            raise KilledError

    with pytest.raises(KilledError):
        trained(state=state, on_step=kill)
    assert state.exists() == (killed_step >= PERIOD)
    steps = []
    resumed, resumed_losses = trained(state=state, on_step=steps.append)
    assert steps[0] == killed_step // PERIOD * PERIOD + 1
    assert resumed_losses == pytest.approx(losses, abs=1e-6)
    for actual, expected in zip(resumed.parameters(), uninterrupted.parameters(), strict=True):
        assert torch.allclose(actual, expected, atol=1e-6)
    assert not state.exists()


def test_a_short_uptraining_is_the_start_of_a_longer_one():
    training_config = TrainingConfig()
    short, longer = (Schedule.uptraining(training_config, n) for n in (10, 40))
    assert [short.learning_rate(step) for step in range(10)] == [
        longer.learning_rate(step) for step in range(10)
    ]
    training_schedule = Schedule.training(training_config)
    assert training_schedule.learning_rate(training_config.warmup - 1) == training_config.lr
    assert training_schedule.learning_rate(training_config.n_steps) == pytest.approx(
        training_config.lr / 10
    )


def test_the_text_is_split_by_topic_and_identified_by_its_hash():
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
    write_tensors(path, {"a": torch.ones(2)}, {"note": "yes"})
    tensors, metadata = read_tensors(path)
    assert (tensors["a"].tolist(), metadata) == ([1.0, 1.0], {"note": "yes"})


def test_a_trained_model_has_a_record_and_is_refused_with_another_hash(tmp_path):
    messages = []
    train_baseline.train_and_write(str(tmp_path), 0, on_progress=messages.append, config=TINY)
    pretrained.training_record.cache_clear()
    record = pretrained.training_record(tmp_path)
    assert messages == [f"validation loss {record.validation_loss:.4f} after 8 steps"]
    model = pretrained.load_pretrained(tmp_path)
    assert isinstance(model, LanguageModel)
    loss = validation_loss(model, python_topics().validation)
    assert loss == pytest.approx(record.validation_loss, abs=1e-6)
    wrong = msgspec.structs.replace(record, weights_sha256="0" * 64)
    (tmp_path / pretrained.RECORD_NAME).write_bytes(msgspec.json.encode(wrong))
    pretrained.training_record.cache_clear()
    with pytest.raises(ValueError, match="must have the SHA-256 of its training record"):
        pretrained.load_pretrained(tmp_path)
