"""Quality records with losses from a simple rule, for tests of the code that reads them."""

from gqa_core.catalog.corpus import python_topics
from gqa_core.records.specs.quality import QUALITY, quality_specs
from gqa_core.records.specs.training import TrainingConfig


def loss(start, n_kv_heads, seed, percent):
    """Lower with more heads, more steps and `mean`; a seed adds a hundredth."""
    if start == "scratch":
        return 1.5 + 0.01 * (8 - n_kv_heads) / 7 + 0.01 * seed
    shared = 8 - n_kv_heads  # 0, 4, 6, 7
    penalty = {"mean": 1.0, "first": 1.5, "random": 2.0}[start]
    return 1.4 + penalty * shared / 10 / (1 + percent) - 0.001 * percent + 0.01 * seed


def records(starts=("mean",), seeds=(0,), percents=(0, 5), *, run_id="run-1", **changes):
    """The records that the command `quality` writes for these options, in its order."""
    points = quality_specs(
        starts=starts,
        n_kv_heads=[8, 4, 2, 1],
        seeds=seeds,
        percents=percents,
        training_config=TrainingConfig(),
    )
    return [
        QUALITY.record(
            point, _measured(point), {"run_id": run_id, "point": index, "git_commit": None}
        )
        | changes
        for index, point in enumerate(points)
    ]


def _measured(point):
    return {
        "torch_version": "2.13.0",
        "device": {"type": "cpu", "name": "A CPU", "n_threads": 2},
        "python_version": "3.11.7",
        "corpus_sha256": python_topics().sha256,
        "checkpoint_sha256": None if point.start == "scratch" else "f" * 64,
        "n_params": point.training_config.n_params(point.n_kv_heads),
        "n_steps": [point.n_steps(percent) for percent in point.percents],
        "losses": [loss(point.start, point.n_kv_heads, point.seed, p) for p in point.percents],
        "train_s": 1.0,
    }
