"""The sliders that the records of `tests.measure.samples` answer, and their rows."""

from dashboard.measured.tables import decode_rows
from dashboard.model.choices import DecodeChoice, SizeChoice
from gqa_core.configs import GroupedConfig

MHA = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=16)
HEADS = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 16}
WORKLOAD = {"context_len": 64, "batch_size": 1, "n_layers": 1}
DECODE = DecodeChoice(**HEADS, **WORKLOAD, dtype="float32", kernel="auto")
SIZE = SizeChoice(**HEADS, **WORKLOAD, kv_format="fp32")


def rows(*records):
    """Records of decode steps as rows measured here."""
    return decode_rows(records)
