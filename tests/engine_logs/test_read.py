"""Start-up lines of every shape give the figures that stand in them."""

import pytest

from gqa_core import units
from gqa_core.engine_logs.prints import printed_size
from gqa_core.engine_logs.read import read_engine_log
from tests.engine_logs import lines


def start(text):
    return read_engine_log(text).last_start


def gib(size):
    return round(size.n_bytes / units.GIB, 4)


def test_vllm_before_0_8_prints_blocks():
    log = read_engine_log(lines.VLLM_BLOCKS)
    (pool,) = log.last_start.pools
    assert (log.engine, log.n_lines, log.n_unknown_lines) == ("vLLM", 4, 0)
    assert (log.last_start.n_blocks, log.last_start.block_size) == (87853, 16)
    assert (pool.n_tokens, gib(pool.size)) == (87853 * 16, 16.09)
    # 24 layers x 2 K/V heads x 64 x 2 x 2 B, Qwen2.5-0.5B
    assert pool.allows(12_288)
    assert not pool.allows(12_288 * 1.001)
    figures = log.last_start
    parts = (figures.weights[0].size, figures.non_torch, figures.activations, figures.device_memory)
    assert [gib(size) for size in parts] == [0.52, 0.07, 1.61, 23.55]
    assert (figures.utilisation, figures.model_len, figures.max_concurrency) == (0.78, 32768, 42.9)
    # 23.55 x 0.78 - 0.52 - 16.09 = 1.76 GiB: activations and non-torch memory are 1.68 of it
    assert figures.overhead_bytes / units.GIB == pytest.approx(1.759)


@pytest.mark.parametrize(
    ("blocks", "length", "concurrency"), [(3637, 2048, 28.41), (5519, 32768, 2.69)]
)
def test_the_block_size_follows_from_the_concurrency(blocks, length, concurrency):
    text = (
        f"INFO reserved for KV Cache is 6.22GiB.\n# GPU blocks: {blocks}, # CPU blocks: 1\n"
        f"Maximum concurrency for {length} tokens per request: {concurrency}x"
    )
    assert (start(text).block_size, start(text).pools[0].n_tokens) == (16, 16 * blocks)


def test_vllm_0_6_prints_its_profile_in_lines_of_their_own():
    figures = start(lines.VLLM_RESULTS)
    assert gib(figures.least_cache_memory) == 53.29
    assert (gib(figures.device_memory), figures.utilisation) == (79.22, 0.9)
    assert (gib(figures.weights[0].size), gib(figures.non_torch), gib(figures.activations)) == (
        14.96,
        1.79,
        1.26,
    )
    assert figures.pools == ()


def test_vllm_since_0_8_prints_tokens_and_the_worker_with_the_least_memory_counts():
    log = read_engine_log(lines.VLLM_TOKENS)
    figures = log.last_start
    (pool,) = figures.pools
    assert (log.version, log.n_unknown_lines) == ("0.12.0", 0)
    assert (pool.n_tokens, gib(pool.size)) == (686_320, 52.36)
    assert {entry.worker: gib(entry.size) for entry in figures.cache_memory} == {
        "Worker_TP0": 52.36,
        "Worker_TP1": 52.41,
    }
    sizes = figures.parallelism
    assert (sizes.tp, sizes.pp, sizes.dp, sizes.dcp) == (2, 1, 1, None)
    assert (figures.kv_format, figures.max_batched_tokens) == (None, 8192)
    assert gib(figures.weights[0].size) == 75.17
    (request,) = figures.requests
    assert request.model_len == 100_000
    # 52.36 GiB / 6.86 = 7.633 GiB per request
    assert request.least_bytes < 52.36 * units.GIB / 6.86 < request.most_bytes


def test_the_tensor_parallel_size_follows_from_the_ranks_if_it_is_not_printed():
    text = "\n".join(lines.VLLM_TOKENS.splitlines()[1:])
    assert start(text).parallelism.tp == 2


def test_the_error_of_a_context_that_is_too_long_has_two_points():
    requests = {request.model_len: request for request in start(lines.VLLM_ERROR).requests}
    assert set(requests) == {221_000, 122_080}
    needed = requests[221_000]
    assert needed.least_bytes < 10.12 * units.GIB < needed.most_bytes
    # both are 49,152 B per token: Qwen3-Coder-30B in fp8 on one GPU
    for length, request in requests.items():
        assert request.least_bytes <= 49_152 * length * 1.0003
        assert request.most_bytes >= 49_152 * length


def test_an_older_error_says_the_tokens():
    text = (
        "ValueError: The model's max seq len (32768) is larger than the maximum number of tokens "
        "that can be stored in KV cache (7344). Try increasing `gpu_memory_utilization` in vLLM"
    )
    assert (start(text).model_len, start(text).n_tokens) == (32_768, 7344)


def test_tokens_and_concurrency_may_stand_in_one_line():
    text = (
        "Available KV cache memory: 66.58 GiB\nGPU KV cache size: 5,747,892 tokens, Maximum "
        "concurrency for 262,144 tokens per request: 21.93x"
    )
    figures = start(text)
    assert (figures.n_tokens, figures.max_concurrency) == (5_747_892, 21.93)


def test_context_parallelism_padding_and_large_blocks_are_read():
    figures = start(
        "Add 3 padding layers, may waste at most 10.00% KV cache memory\n"
        "Setting attention block size to 1568 tokens to ensure that pages are equal\n"
        "Multiplying the GPU KV cache size by the cp_world_size 4 (pcp_world_size 1 * "
        "dcp_world_size 4).\nAvailable KV cache memory: 44.77 GiB\nGPU KV cache size: 4,638,720 "
        "tokens"
    )
    assert (figures.n_padding_layers, figures.block_size) == (3, 1568)
    assert figures.parallelism.dcp == 4
    assert figures.pools[0].slack_tokens == 4 * 1568


def test_two_starts_in_one_log_stand_apart():
    longer = lines.VLLM_TOKENS.replace("100,000", "50,000").replace("52.36", "50.00")
    log = read_engine_log(lines.VLLM_TOKENS + longer)
    assert [gib(each.pools[0].size) for each in log.starts] == [52.36, 50.0]
    assert [each.model_len for each in log.starts] == [100_000, 50_000]


def test_sglang_prints_one_size_for_a_latent():
    figures = start(lines.SGLANG_LATENT)
    (pool,) = figures.pools
    assert (pool.n_tokens, gib(pool.size), pool.k_size) == (383_872, 19.36, None)
    # 47 layers x 576 x 2 B, GLM-4.7-Flash
    assert pool.allows(54_144)
    assert (gib(figures.weights[0].size), figures.parallelism.tp) == (28.79, 2)


def test_sglang_prints_k_and_v_apart():
    figures = start(lines.SGLANG_GROUPED)
    (pool,) = figures.pools
    assert (gib(pool.k_size), gib(pool.v_size), gib(pool.size)) == (27.13, 27.13, 54.26)
    assert pool.allows(131_072)  # Llama-3.1-8B
    assert (figures.kv_format, figures.model_len, figures.n_tokens) == ("bf16", 131_072, 444_500)


def test_sglang_prints_states_and_windows_in_pools_of_their_own():
    tokens, states = sorted(start(lines.SGLANG_HYBRID).pools, key=lambda pool: pool.kind)
    assert (tokens.kind, tokens.n_tokens, gib(tokens.size)) == ("all layers", 327_310, 5.0)
    assert (states.kind, states.n_tokens, gib(states.size)) == ("states", 186, 4.48)
    window, full = start(lines.SGLANG_WINDOWS).pools
    assert (window.kind, window.n_tokens, gib(window.size)) == ("window layers", 300_288, 13.97)
    assert (full.kind, full.n_tokens, gib(full.size)) == ("full layers", 375_360, 2.02)


def test_llama_cpp_prints_cells_per_kind_of_layer():
    (indexer,) = start(lines.LLAMA_INDEXER).pools
    assert (indexer.n_tokens, indexer.n_layers, indexer.k_format) == (65_536, 78, "q8_0")
    assert indexer.size.n_bytes == 78 * 128 * 65_536 * 34 / 32
    full, window = start(lines.LLAMA_WINDOWS).pools
    assert (full.kind, full.n_tokens, full.n_layers) == ("full layers", 8192, 4)
    assert (window.kind, window.n_tokens, window.n_layers) == ("window layers", 2048, 22)
    (states,) = start(lines.LLAMA_RECURRENT).pools
    assert (states.kind, states.n_tokens, states.k_format) == ("states", 12, "fp32")


def test_older_llama_cpp_prints_the_cells_before_the_size():
    log = read_engine_log(lines.LLAMA_OLD)
    (pool,) = log.last_start.pools
    assert (log.version, log.n_unknown_lines) == ("4291", 0)
    assert (pool.n_tokens, pool.n_layers) == (4096, 32)
    assert pool.size.n_bytes == 512 * units.MIB


def test_colour_codes_and_container_prefixes_are_no_part_of_a_line():
    coloured = lines.VLLM_TOKENS.replace("INFO", "\x1b[32mINFO\x1b[0m")
    prefixed = "\n".join(f"vllm-1  | {line}" for line in coloured.splitlines())
    assert start(prefixed).pools == start(lines.VLLM_TOKENS).pools


def test_unknown_lines_are_counted_and_yield_nothing():
    text = lines.VLLM_TOKENS + "GPU KV cache: about 99,999 tokens\nAvailable: 1 GiB\n\n   \n"
    log = read_engine_log(text)
    assert (log.n_lines, log.n_unknown_lines) == (8, 2)
    assert log.last_start == start(lines.VLLM_TOKENS)


@pytest.mark.parametrize(
    ("number", "unit", "n_bytes", "rounding"),
    [
        ("52.36", "GiB", 52.36 * 2**30, 0.005 * 2**30),
        ("5.0", "GiB", 5 * 2**30, 0.005 * 2**30),  # vLLM drops the zero of 5.00
        ("57.7520", "GB", 57.752 * 2**30, 0.00005 * 2**30),
        ("663.00", "MiB", 663 * 2**20, 0.005 * 2**20),
    ],
)
def test_a_print_is_an_interval_of_half_its_last_digit(number, unit, n_bytes, rounding):
    size = printed_size(number, unit)
    assert size.n_bytes == pytest.approx(n_bytes)
    assert size.rounding_bytes == pytest.approx(rounding)
