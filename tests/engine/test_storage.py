"""Memory for caches: as torch.empty, in huge pages if the system has them."""

import mmap

import pytest
import torch

from gqa_core.engine.storage import MIN_HUGE_BYTES, huge_page_empty


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("n_bytes", [0, 64, *(MIN_HUGE_BYTES + more for more in (-64, 0, 192))])
def test_it_is_contiguous_writable_and_no_larger_than_requested(n_bytes, dtype):
    shape = (2, n_bytes // dtype.itemsize // 2)
    x = huge_page_empty(shape, dtype=dtype, device="cpu")
    assert x.shape == shape
    assert x.dtype == dtype
    assert x.is_contiguous()
    assert x.untyped_storage().nbytes() == n_bytes
    assert x.data_ptr() % 64 == 0
    assert (x.fill_(3) == 3).all()


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="no system with huge pages")
def test_huge_pages_are_requested():
    x = huge_page_empty((2 * MIN_HUGE_BYTES,), dtype=torch.uint8, device="cpu")
    start, is_requested = x.data_ptr(), False
    with open("/proc/self/smaps", encoding="utf-8") as lines:
        for line in lines:
            first = line.split()[0]
            if "-" in first:
                low, high = (int(part, 16) for part in first.split("-"))
                is_within = low <= start < high
            elif first == "VmFlags:" and is_within:
                is_requested = "hg" in line.split()
    assert is_requested


def test_memory_that_is_not_there_is_an_error_as_of_torch():
    with pytest.raises(RuntimeError, match=r"cannot allocate [0-9]+ bytes"):
        huge_page_empty((1 << 50,), dtype=torch.float32, device="cpu")
