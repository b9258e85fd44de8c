"""The attention kernels: which one serves a cache (plan), and running one by name (dispatch)."""
