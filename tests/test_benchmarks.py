"""The bench: every contender is held against float64 before it is timed, on any device."""

import json

import pytest
import torch

from benchmarks import decode

CPU = torch.device("cpu")
CASES = [("GQA-8", 32, 8), ("MLA 16 heads", 16, None)]


@pytest.mark.parametrize("ours", ["split_kv", "auto"])
@pytest.mark.parametrize("dtype", decode.TOLERANCE, ids=str)
@pytest.mark.parametrize(("name", "h", "n_kv_heads"), CASES)
def test_a_case_compares_ours_with_torch_s_calls_beside_the_bound(
    name, h, n_kv_heads, dtype, ours, monkeypatch
):
    monkeypatch.setattr(decode, "OURS", {"cpu": ours})
    row = decode.measure(name, h, n_kv_heads, 80, dtype, 2, CPU)
    assert {ours, "packed", "matmul"} <= set(row["ms"])
    assert ("split_kv" in row["ms"]) == (ours == "split_kv")
    assert min(row["ms"].values()) > 0
    assert row["bound_ms"] > 0
    assert f"{row['ms'][ours]:.3f}" in decode.line(row)


@pytest.mark.parametrize(("name", "h", "n_kv_heads"), CASES)
def test_a_contender_that_is_wrong_stops_the_bench(name, h, n_kv_heads, monkeypatch):
    right = decode.decode_attention
    monkeypatch.setattr(
        decode, "decode_attention", lambda *given, **how: 1.01 * right(*given, **how)
    )
    with pytest.raises(ValueError, match=r"must agree with float64 for .*: got .* 1\.0e-02"):
        decode.measure(name, h, n_kv_heads, 80, torch.float32, 2, CPU)


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="no accelerator on this machine")
def test_the_whole_bench_runs_on_an_accelerator_and_agrees_with_float64(tmp_path):
    decode.main(["--quick", "--device", "auto", "--json", str(tmp_path / "rows.json")])
    told = json.loads((tmp_path / "rows.json").read_text())
    assert told["device"]["type"] == torch.accelerator.current_accelerator().type
    assert len(told["rows"]) == 3 * 2 * 6  # contexts, number formats, cases
    for row in told["rows"]:
        assert {"auto", "packed"} <= set(row["ms"])
        assert "split_kv" not in row["ms"]
