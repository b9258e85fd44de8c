"""The small model: caching and the choice of kernel leave its outputs unchanged."""

import pytest
import torch

from gqa_core.quality.convert import pool_kv_heads
from gqa_core.quality.model import LanguageModel, generate
from gqa_core.quality.train import validation_loss
from gqa_core.records.specs.training import TrainingConfig, divisors
from tests.cpu_kernels import CPU_KERNELS

TINY = TrainingConfig(
    dim=32, n_layers=2, n_heads=4, hidden_dim=48, context_len=16, batch_size=4, n_steps=8
)
TEXT = b"the quick brown fox jumps over the lazy dog; " * 4


def tiny(n_kv_heads=2, kernel="sdpa", seed=0):
    torch.manual_seed(seed)
    return LanguageModel(TINY, n_kv_heads, kernel=kernel)


@pytest.mark.parametrize("n_kv_heads", [4, 2, 1])
def test_cached_generation_equals_the_uncached_forward_token_by_token(n_kv_heads):
    model = tiny(n_kv_heads).double()
    prompt = TEXT[:5]
    generated = generate(model, prompt, 10)
    prefix = bytearray(prompt)
    for byte in generated:  # each by running the whole prefix again
        with torch.inference_mode():
            assert byte == int(model(torch.tensor([list(prefix)]))[0, -1].argmax())
        prefix.append(byte)


@pytest.mark.parametrize("kernel", CPU_KERNELS)
def test_the_loss_with_each_kernel_is_the_same(kernel):
    expected = validation_loss(tiny(kernel="eager"), TEXT)
    assert validation_loss(tiny(kernel=kernel), TEXT) == pytest.approx(expected, rel=1e-5)


def test_the_pretrained_model_has_half_a_million_to_a_million_parameters():
    n_params = LanguageModel(TrainingConfig(), 8).n_params
    assert 500_000 <= n_params <= 1_000_000
    # MQA saves 7 of 8 heads of K and V: 2 x 7/8 x 128 x 128 in each of 4 layers
    assert n_params - LanguageModel(TrainingConfig(), 1).n_params == 2 * 7 * 128 * 128 // 8 * 4


@pytest.mark.parametrize("training_config", [TINY, TrainingConfig()])
def test_a_training_config_knows_the_parameters_of_its_model(training_config):
    for n_kv_heads in divisors(training_config.n_heads):
        assert (
            training_config.n_params(n_kv_heads)
            == LanguageModel(training_config, n_kv_heads).n_params
        )


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_an_unchanged_number_of_heads_changes_no_loss(pooling):
    model = tiny(4)
    same = pool_kv_heads(model, 4, pooling)
    assert validation_loss(same, TEXT) == validation_loss(model, TEXT)


def test_pooling_takes_the_mean_or_the_first_of_each_group():
    model, d = tiny(4), 8
    groups = model.attention[1].wk.weight.view(2, 2, d, 32)
    for pooling, expected in (("mean", groups.mean(dim=1)), ("first", groups[:, 0])):
        pooled = pool_kv_heads(model, 2, pooling).attention[1].wk.weight
        assert torch.equal(pooled, expected.reshape(2 * d, 32))
    first, again, other = (pool_kv_heads(model, 2, "random", seed=seed) for seed in (1, 1, 2))
    weights = [made.attention[0].wv.weight for made in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(first.attention[0].wq.weight, model.attention[0].wq.weight)


def test_pooling_equal_heads_costs_nothing():
    model = tiny(4)
    with torch.no_grad():
        for layer in model.attention:
            for matrix in (layer.wk.weight, layer.wv.weight):
                matrix.view(4, 8, 32)[1::2] = matrix.view(4, 8, 32)[::2]
    converted = pool_kv_heads(model, 2, "mean")
    assert validation_loss(converted, TEXT) == pytest.approx(validation_loss(model, TEXT), rel=1e-6)


def test_a_bad_pooling_number_of_heads_prompt_or_text_is_refused():
    with pytest.raises(ValueError, match="pooling must be one of mean, first, random: got 'max'"):
        pool_kv_heads(tiny(4), 2, "max")
    with pytest.raises(ValueError, match="n_kv_heads must divide"):
        pool_kv_heads(tiny(4), 3)
    with pytest.raises(ValueError, match="prompt must have at least one byte"):
        generate(tiny(), b"", 3)
    with pytest.raises(ValueError, match="text must have at least 17 bytes: got 5"):
        validation_loss(tiny(), b"short")
    assert divisors(8) == [8, 4, 2, 1]


def test_an_unchanged_number_of_heads_keeps_the_weights_at_random_too():
    model = tiny(4)
    converted = pool_kv_heads(model, 4, "random")
    for name, matrix in converted.state_dict().items():
        assert torch.equal(matrix, model.state_dict()[name]), name
