"""Split-KV attention in Triton, for CUDA devices (flash-decoding)."""
