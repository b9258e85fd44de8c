"""The benchmark of decode steps: every output is compared with float64 before it is timed."""

import json

import pytest
import torch

from benchmarks import decode

CPU = torch.device("cpu")
CASES = [("GQA-8", 32, 8), ("MLA 16 heads", 16, None)]


@pytest.mark.parametrize("our_kernel", ["split_kv", "auto"])
@pytest.mark.parametrize("dtype", decode.TOLERANCE, ids=str)
@pytest.mark.parametrize(("name", "h", "n_kv_heads"), CASES)
def test_a_case_compares_our_kernel_with_torch_s_calls_and_the_bound(
    name, h, n_kv_heads, dtype, our_kernel, monkeypatch
):
    monkeypatch.setattr(decode, "OUR_KERNEL", {"cpu": our_kernel})
    row = decode.measure(name, h, n_kv_heads, 80, dtype, 2, CPU)
    assert {our_kernel, "packed", "matmul"} <= set(row.ms)
    assert ("split_kv" in row.ms) == (our_kernel == "split_kv")
    assert min(row.ms.values()) > 0
    assert row.bound_ms > 0
    assert f"{row.ms[our_kernel]:.3f}" in decode.line(row)


@pytest.mark.parametrize(("name", "h", "n_kv_heads"), CASES)
def test_a_contender_with_a_wrong_output_stops_the_benchmark(name, h, n_kv_heads, monkeypatch):
    correct = decode.decode_attention
    monkeypatch.setattr(
        decode, "decode_attention", lambda *args, **kwargs: 1.01 * correct(*args, **kwargs)
    )
    with pytest.raises(ValueError, match=r"must agree with float64 for .*: got .* 1\.0e-02"):
        decode.measure(name, h, n_kv_heads, 80, torch.float32, 2, CPU)


@pytest.mark.accelerator
@pytest.mark.skipif(not torch.accelerator.is_available(), reason="no accelerator on this machine")
def test_the_benchmark_runs_on_an_accelerator_and_agrees_with_float64(tmp_path):
    decode.main(["--quick", "--device", "auto", "--json", str(tmp_path / "rows.json")])
    result = json.loads((tmp_path / "rows.json").read_text())
    assert result["device"]["type"] == torch.accelerator.current_accelerator().type
    assert len(result["rows"]) == 3 * 2 * 6  # contexts, number formats, cases
    for row in result["rows"]:
        assert {"auto", "packed"} <= set(row["ms"])
        assert "split_kv" not in row["ms"]
