"""The method of measuring each kind of spec: the function a worker runs, and its record class.

Functions are named, not imported: they need torch, which only a worker imports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gqa_core.records.header import RunHeader
from gqa_core.records.kinds import (
    DecodeRecord,
    GenerateRecord,
    GrowthRecord,
    QualityRecord,
    Record,
    VerifyRecord,
)
from gqa_core.records.specs.decode import DecodeSpec
from gqa_core.records.specs.generate import GenerateSpec
from gqa_core.records.specs.growth import GrowthSpec
from gqa_core.records.specs.quality import QualitySpec
from gqa_core.records.specs.spec import Spec
from gqa_core.records.specs.verify import VerifySpec
from gqa_core.runner.workers import Workers

__all__ = ["METHODS", "Method"]


@dataclass(frozen=True, slots=True)
class Method:
    """`module.function(spec, device)` measures; `to_record` makes the record of what it returns.

    With `in_groups` the function takes several specs at once, and reports its progress: a text, and
    how many of the specs are done.
    """

    module: str
    function: str
    to_record: Callable[[Any, Any, RunHeader, int], Record]
    verb: str = "timing"
    in_groups: bool = False

    def measure(
        self,
        workers: Workers,
        specs: Sequence[Spec],
        device: str,
        on_progress: Callable[[str, int], None],
    ) -> list[Any]:
        """A measurement per spec, or the reason why it failed as a text.

        Raises:
            ValueError, WorkerError: as `Workers.call`; nothing of the group was measured.
        """
        if self.in_groups:
            return workers.call(
                self.module, self.function, list(specs), device, on_progress=on_progress
            )
        return [workers.call(self.module, self.function, spec, device) for spec in specs]


METHODS: Mapping[type[Spec], Method] = MappingProxyType(
    {
        DecodeSpec: Method(
            "gqa_core.measure.decode",
            "measure_decode",
            DecodeRecord.from_measurement,
            in_groups=True,
        ),
        VerifySpec: Method(
            "gqa_core.measure.verify", "measure_verify", VerifyRecord.from_measurement, "comparing"
        ),
        GenerateSpec: Method(
            "gqa_core.measure.generate", "measure_generate", GenerateRecord.from_measurement
        ),
        GrowthSpec: Method(
            "gqa_core.measure.growth", "measure_growth", GrowthRecord.from_measurement
        ),
        QualitySpec: Method(
            "gqa_core.quality.measure",
            "measure_quality",
            QualityRecord.from_measurement,
            "training",
        ),
    }
)
