"""The sliders that the records of `tests.records.fake_records` answer, and their rows."""

from dashboard.data.decode_rows import decode_rows
from dashboard.settings.measurement import DecodeSettings
from dashboard.settings.model import ModelSettings
from gqa_core.configs import GroupedConfig
from gqa_core.records.header import DeviceInfo

MHA = GroupedConfig(n_heads=8, n_kv_heads=8, head_dim=16)
HEADS = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 16}
WORKLOAD = {"context_len": 64, "batch_size": 1, "n_layers": 1}
DECODE = DecodeSettings(**HEADS, **WORKLOAD, dtype="float32", kernel="auto")
SIZE = ModelSettings(**HEADS, **WORKLOAD, kv_format="fp32")

DEVICE_INFO = DeviceInfo(
    type="cpu", name="A CPU", n_threads=2, torch_version="2.13.0", free_bytes=2**30
)


def rows(*records):
    """Records of decode steps as rows measured here."""
    return decode_rows(records)
