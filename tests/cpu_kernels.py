"""The names of the kernels that a CPU can run, `auto` among them."""

from gqa_core.configs import CUDA_KERNELS, KERNEL_NAMES

CPU_KERNELS = tuple(name for name in KERNEL_NAMES if name not in CUDA_KERNELS)
