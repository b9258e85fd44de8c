"""Start-up lines as engines print them, with figures of public logs."""

VLLM_BLOCKS = """\
INFO 08-29 13:08:35 [worker.py:287] the current vLLM instance can use total_gpu_memory (23.55GiB) \
x gpu_memory_utilization (0.78) = 18.28GiB
INFO 08-29 13:08:35 [worker.py:287] model weights take 0.52GiB; non_torch_memory takes 0.07GiB; \
PyTorch activation peak memory takes 1.61GiB; the rest of the memory reserved for KV Cache is \
16.09GiB.
INFO 08-29 13:08:35 [executor_base.py:112] # cuda blocks: 87853, # CPU blocks: 32768
INFO 08-29 13:08:35 [executor_base.py:117] Maximum concurrency for 32768 tokens per request: 42.90x
"""
VLLM_RESULTS = """\
INFO 12-13 19:54:18 worker.py:243] Memory profiling results:
INFO 12-13 19:54:18 worker.py:243] total_gpu_memory     79.22GiB
INFO 12-13 19:54:18 worker.py:243] gpu_memory_utilization       0.90
INFO 12-13 19:54:18 worker.py:243] model weights take   14.96GiB
INFO 12-13 19:54:18 worker.py:243] non_torch_memory     1.79GiB
INFO 12-13 19:54:18 worker.py:243] PyTorch activation peak memory       1.26GiB
INFO 12-13 19:54:18 worker.py:243] available_kv_cache_memory    53.29GiB
"""
VLLM_TOKENS = """\
INFO 12-11 00:05:01 [core.py:93] Initializing a V1 LLM engine (v0.12.0) with config: \
model='model', dtype=torch.bfloat16, max_seq_len=100000, tensor_parallel_size=2, \
pipeline_parallel_size=1, data_parallel_size=1, kv_cache_dtype=auto, max_num_batched_tokens=8192
(Worker_TP0 pid=1) INFO 12-11 00:06:40 [gpu_model_runner.py:2] Model loading took 75.17 GiB and \
116.2 seconds
(Worker_TP0 pid=1) INFO 12-11 00:06:53 [gpu_worker.py:359] Available KV cache memory: 52.36 GiB
(Worker_TP1 pid=3) INFO 12-11 00:06:53 [gpu_worker.py:359] Available KV cache memory: 52.41 GiB
(EngineCore_DP0 pid=2) INFO 12-11 00:06:53 [kv_cache_utils.py:1286] GPU KV cache size: 686,320 \
tokens
(EngineCore_DP0 pid=2) INFO 12-11 00:06:54 [kv_cache_utils.py:1291] Maximum concurrency for \
100,000 tokens per request: 6.86x
"""
VLLM_ERROR = (
    "ValueError: To serve at least one request with the models's max seq len (221000), (10.12 GiB "
    "KV cache is needed, which is larger than the available KV cache memory (5.59 GiB). Based on "
    "the available memory, the estimated maximum model length is 122080. Try increasing "
    "`gpu_memory_utilization`."
)
SGLANG_LATENT = """\
[2026-03-11 13:53:21 TP0] Load weight end. elapsed=23.18 s, type=Glm4MoeLiteForCausalLM, \
avail mem=32.02 GB, mem usage=28.79 GB.
[2026-03-11 13:53:23 TP0] KV Cache is allocated. #tokens: 383872, KV size: 19.36 GB
[2026-03-11 13:53:23 TP1] KV Cache is allocated. #tokens: 383872, KV size: 19.36 GB
"""
SGLANG_GROUPED = """\
KV Cache is allocated. dtype: torch.bfloat16, #tokens: 444500, K size: 27.13 GB, V size: 27.13 GB
max_total_num_tokens=444500, chunked_prefill_size=8192, max_prefill_tokens=16384, \
max_running_requests=2049, context_len=131072
"""
SGLANG_HYBRID = """\
[2026-04-14 16:08:49 TP0] Load weight end. elapsed=5.54 s, type=Qwen3_5ForConditionalGeneration, \
avail mem=14.08 GB, mem usage=8.85 GB.
[2026-04-14 16:08:49 TP0] Mamba Cache is allocated. max_mamba_cache_size: 186, conv_state size: \
0.10GB, ssm_state size: 4.38GB
[2026-04-14 16:08:49 TP0] KV Cache is allocated. #tokens: 327310, K size: 2.50 GB, V size: 2.50 GB
"""
SGLANG_WINDOWS = """\
[2026-01-31 13:50:39 TP2] Use sliding window memory pool. full_layer_tokens=375360, \
swa_layer_tokens=300288
[2026-01-31 13:50:39 TP2] KV Cache is allocated. #tokens: 300288, K size: 8.38 GB, V size: 5.59 GB
[2026-01-31 13:50:39 TP2] KV Cache is allocated. #tokens: 375360, K size: 1.21 GB, V size: 0.81 GB
"""
LLAMA_INDEXER = (
    "llama_kv_cache: size = 663.00 MiB ( 65536 cells,  78 layers,  1/1 seqs), "
    "K (q8_0): 331.50 MiB, V (q8_0): 331.50 MiB"
)
LLAMA_WINDOWS = """\
llama_kv_cache_iswa: creating non-SWA KV cache, size = 4096 cells
llama_kv_cache: size =   16.00 MiB (  4096 cells,   4 layers,  2/2 seqs), K (f16):    8.00 MiB, \
V (f16):    8.00 MiB
llama_kv_cache_iswa: creating     SWA KV cache, size = 1024 cells
llama_kv_cache: size =   26.00 MiB (  1024 cells,  22 layers,  2/2 seqs), K (f16):   13.00 MiB, \
V (f16):   13.00 MiB
"""
LLAMA_RECURRENT = (
    "0.10.722.378 I llama_memory_recurrent: size = 1795.50 MiB (     4 cells,  64 layers,  4 seqs "
    " 2 rs_seq), R (f32):   67.50 MiB, S (f32): 1728.00 MiB"
)
LLAMA_OLD = """\
build: 4291 (ce8784bd) with cc for x86_64-linux-gnu
llama_kv_cache_init: kv_size = 4096, offload = 1, type_k = 'f16', type_v = 'f16', n_layer = 32
llama_kv_cache_init:      CUDA0 KV buffer size =   512.00 MiB
llama_init_from_model: KV self size  =  512.00 MiB, K (f16):  256.00 MiB, V (f16):  256.00 MiB
"""
ALL = {name: text for name, text in globals().items() if name[0] != "_" and isinstance(text, str)}
