"""Our own split-KV kernel, compiled by numba: imported only where it runs."""
