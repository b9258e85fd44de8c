"""Two and four ranks compute what one process does, hold what theory says, and send what it says.

The narrow product runs always, the wide one with GQA_NIGHTLY.
"""

from itertools import product

import pytest

from tests.engine.sharded_ranks import CONTEXT_LENS, LAYERS, SPLITS, case, run_cases
from tests.scale import NIGHTLY

TOLERANCE = {"float32": 1e-5, "bfloat16": 2e-2}
FAULTS = [
    ("base-2 LSE", "GQA-4", {"context_len": 64}),
    ("base-2 LSE", "MLA absorbed", {"context_len": 7, "kernel": "split_kv"}),
    ("empty shard as zero", "MQA", {"context_len": 1}),
    ("wrong head map", "GQA-4", {"context_len": 64}),
    ("missing replica", "GQA-2", {"context_len": 64}),
]
FAULTY_SPLITS = {"wrong head map": (4, 1), "missing replica": (4, 1)}


def right_cases(n_ranks):
    """Every layer and split with every context, batch and dtype, both kernels and two layers.

    By day each of these is met, but not in every combination.
    """
    for layer, split, context_len in product(LAYERS, SPLITS[n_ranks], CONTEXT_LENS):
        for batch_size, dtype in product((1, 3), TOLERANCE):
            options = {"context_len": context_len, "batch_size": batch_size, "dtype": dtype}
            is_short = context_len in (7, 64)
            if NIGHTLY or (is_short if batch_size == 3 else dtype == "float32" or not is_short):
                yield case(layer, *split, **options)
            if NIGHTLY or (batch_size == 1 and context_len == 7):
                yield case(layer, *split, **options, kernel="split_kv")
            if NIGHTLY:
                yield case(layer, *split, **options, n_layers=2)


def faulty_cases(n_ranks):
    """A case per planted fault, on splits that it can show on."""
    for fault, layer, options in FAULTS:
        split = FAULTY_SPLITS.get(fault, (n_ranks, n_ranks))
        if split[0] == n_ranks:
            yield case(layer, *split, **options, fault=fault)


@pytest.fixture(scope="module", params=[2, 4], ids=["2 ranks", "4 ranks"])
def outcomes(request, tmp_path_factory):
    """The cases of so many ranks, each with the outcome of every rank."""
    cases = [*right_cases(request.param), *faulty_cases(request.param)]
    by_rank = run_cases(request.param, cases, tmp_path_factory.mktemp("ranks"))
    return list(zip(cases, zip(*by_rank, strict=True), strict=True))


def test_ranks_compute_what_one_process_does(outcomes):
    right = [(each, ranks) for each, ranks in outcomes if not each.fault]
    assert len(right) > 150
    wrong = [
        f"{each}: {ranks[0].error:.1e}"
        for each, ranks in right
        if not ranks[0].error <= TOLERANCE[each.spec.decode.dtype]
    ]
    assert wrong == []


def test_a_planted_fault_is_seen(outcomes):
    faulty = [(each, ranks) for each, ranks in outcomes if each.fault]
    assert faulty
    unseen = [f"{each}: {ranks[0].error:.1e}" for each, ranks in faulty if ranks[0].error <= 1e-2]
    assert unseen == []


def test_a_rank_holds_the_bytes_of_the_formula(outcomes):
    for each, ranks in outcomes:
        expected = [each.spec.rank_bytes(rank) for rank in range(each.spec.tp)]
        assert [rank.tensor_bytes for rank in ranks] == expected, str(each)


def test_a_rank_sends_the_bytes_of_the_formula(outcomes):
    for each, ranks in outcomes:
        wire, n_layers = each.spec.wire, each.spec.decode.n_layers
        for rank in ranks:
            assert sum(rank.wire_bytes.values()) == n_layers * wire.per_layer, str(each)
            for name, n_bytes in rank.wire_bytes.items():
                assert n_bytes == n_layers * getattr(wire, name), f"{each}: {name}"
