"""vLLM's pages give the tokens that its logs report, to the token."""

import pytest

from gqa_core import units
from gqa_core.catalog.models import model
from gqa_core.configs import GroupedConfig, LayerGroup, ModelConfig, RecurrentState
from gqa_core.theory.vllm_pages import VllmPages


def gated_delta_net(n_full, n_linear, n_kv_heads, n_value_heads, n_key_heads=16, tp=1):
    """One rank of a model of the Qwen3-Next family: heads of 256 beside a state of 128 x 128."""
    channels = 2 * n_key_heads * 128 + n_value_heads * 128
    return ModelConfig(
        layer_groups=(
            LayerGroup(
                attention=GroupedConfig(n_heads=16, n_kv_heads=n_kv_heads // tp, head_dim=256),
                n_layers=n_full,
            ),
        ),
        n_cacheless_layers=n_linear,
        states=(
            RecurrentState(
                kind="linear attention",
                n_layers=n_linear,
                conv_elements=3 * channels // tp,
                recurrent_elements=n_value_heads * 128 * 128 // tp,
            ),
        ),
    )


def reported_tokens(pages, memory_gib, context_len):
    """Tokens as vLLM prints them since 0.20: concurrency x max_model_len."""
    n_blocks = int(memory_gib * units.GIB / pages.block_bytes)
    return int(n_blocks / pages.request_blocks(context_len) * context_len)


def test_qwen3_6_27b_on_two_gpus_reports_619_202_tokens():
    # Source: noonghunna/club-3090, issue 104: 9.84 GiB, fp8 cache, 262,144 tokens
    rank = gated_delta_net(16, 48, n_kv_heads=4, n_value_heads=48, tp=2)
    pages = VllmPages(model=rank, kv_format="fp8")
    # A state of 24 x 128 x 128 x 4 + 15,360 x 2 B fills 1,566 tokens of 1,024 B: 98 x 16 of them.
    assert (pages.page_bytes, pages.group_layers, pages.n_groups) == (1568 * 1024, 16, 4)
    # 168 blocks of 1,568 tokens, and 2 for each of 3 groups of states
    assert pages.request_blocks(262_144) == 174
    assert reported_tokens(pages, 9.84, 262_144) == 619_202


def test_qwen3_6_35b_a3b_with_its_next_token_layer_reports_5_747_892_tokens():
    # A public log of vLLM 0.20.2: 66.58 GiB, 262,144 tokens, "Add 3 padding layers"
    model = gated_delta_net(10, 30, n_kv_heads=2, n_value_heads=32)
    pages = VllmPages(model=model, kv_format="fp8", next_token_layers=1, n_drafted=2)
    assert (pages.group_layers, pages.n_padding_layers) == (11, 3)
    assert reported_tokens(pages, 66.58, 262_144) == 5_747_892


def test_gemma_3_1b_is_padded_to_28_layers():
    # vLLM 0.13: 22 window layers in groups of 4 are 24, and 4 full ones: 28 KiB per token.
    pages = VllmPages(model=model("Gemma 3 1B").config, kv_format="bf16")
    assert (pages.n_groups, pages.group_layers, pages.n_padding_layers) == (7, 4, 2)
    assert pages.slot_bytes == 28 * 1024


def test_windows_keep_their_window_and_a_batch_of_tokens():
    # gpt-oss-120b, 131,072 tokens: 18 layers x 2,048 B x (131,072 + 127 + batch, in blocks of 16)
    gpt_oss = model("gpt-oss 120B").config
    needed = {
        batch: VllmPages(model=gpt_oss, kv_format="bf16", batched_tokens=batch).request_bytes(
            131_072
        )
        / units.GIB
        for batch in (1024, 2048, 8192)
    }
    assert {batch: round(size, 3) for batch, size in needed.items()} == {
        1024: 4.540,
        2048: 4.575,
        8192: 4.786,
    }


def test_layers_that_are_alike_are_one_group_of_plain_pages():
    llama = VllmPages(model=model("Llama 3.1 8B").config, kv_format="bf16")
    assert (llama.n_groups, llama.n_padding_layers, llama.slot_bytes) == (1, 0, 131_072)
    assert llama.request_bytes(33) == 48 * 131_072


def test_kinds_of_nearly_as_many_layers_are_padded_to_the_most():
    layer = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=64)
    groups = (
        LayerGroup(attention=layer, n_layers=12, window=128),
        LayerGroup(attention=layer, n_layers=13),
    )
    pages = VllmPages(model=ModelConfig(layer_groups=groups), kv_format="bf16")
    assert (pages.group_layers, pages.n_groups, pages.n_padding_layers) == (13, 2, 1)


def test_widths_that_do_not_divide_are_refused():
    groups = tuple(
        LayerGroup(
            attention=GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=width),
            n_layers=4,
            window=window,
        )
        for width, window in ((64, 128), (96, None))
    )
    with pytest.raises(ValueError, match="must be multiples of each other"):
        VllmPages(model=ModelConfig(layer_groups=groups), kv_format="bf16")


def test_a_model_without_attention_is_refused():
    state = RecurrentState(kind="state-space", n_layers=4, recurrent_elements=100)
    with pytest.raises(ValueError, match="got states alone"):
        VllmPages(
            model=ModelConfig(layer_groups=(), n_cacheless_layers=4, states=(state,)),
            kv_format="bf16",
        )
