"""Quality records with losses from a simple rule, for tests of the code that reads them."""

from msgspec import structs

from gqa_core.catalog.corpus import python_topics
from gqa_core.records.header import Device, RunHeader
from gqa_core.records.kinds.quality import QualityMeasurement, QualityRecord
from gqa_core.records.specs.quality import quality_specs
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
    specs = quality_specs(
        starts=starts,
        n_kv_heads=[8, 4, 2, 1],
        seeds=seeds,
        percents=percents,
        training_config=TrainingConfig(),
    )
    run = RunHeader(run_id=run_id, git_commit=None)
    built = [
        QualityRecord.from_measurement(spec, _measured(spec), run, index)
        for index, spec in enumerate(specs)
    ]
    return [structs.replace(record, **changes) for record in built]


def _measured(spec):
    return QualityMeasurement(
        torch_version="2.13.0",
        device=Device(type="cpu", name="A CPU", n_threads=2),
        python_version="3.11.7",
        corpus_sha256=python_topics().sha256,
        checkpoint_sha256=None if spec.start == "scratch" else "f" * 64,
        n_params=spec.training_config.n_params(spec.n_kv_heads),
        n_steps=tuple(spec.n_steps(percent) for percent in spec.percents),
        losses=tuple(loss(spec.start, spec.n_kv_heads, spec.seed, p) for p in spec.percents),
        train_s=1.0,
    )
