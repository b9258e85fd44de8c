"""A GPU that is not there: a host that queues, a device that works off its queue, and their clocks.

The host's clock moves when something is queued, the device's when it works; both are told in
seconds, in which every kernel takes what the test says. The device starts a kernel once it is
queued and all before it are done, so that launches are timed by whoever does not hide them. A full
queue makes the host wait, as CUDA's does.
"""

import types
from contextlib import contextmanager

import torch

LAUNCH_S = 5e-6  # of the host, per kernel or graph
EVENT_S = 1e-6  # of the host, per event
CYCLES_PER_S = 2e9
QUEUE_LEN = 1024  # of what is queued, the next waits for the first
POOL_BYTES = 3 * 2**20  # reserved by each capture


class FakeCuda:
    """The state of host and device, and a log of what was queued or captured, in order."""

    def __init__(self, l2_bytes=50 * 2**20, queue_len=QUEUE_LEN):
        self.queue_len = queue_len
        self.now = 0.0  # of the host
        self.ends = []  # when the device finishes what was queued, in order
        self.log = []
        self.capturing = None  # the graph that captures, if one does
        self.reserved = 100 * 2**20
        self.max_captures = 10**9  # from then on a kernel cannot be captured
        self.n_captures = 0
        self.current_stream = self.default_stream = FakeStream()
        self.properties = types.SimpleNamespace(L2_cache_size=l2_bytes, uuid="01-23")

    @property
    def device_end(self):
        """The moment at which the device has done all that was queued."""
        return self.ends[-1] if self.ends else 0.0

    def launch(self, seconds, name="kernel"):
        """Queue a kernel, or capture it."""
        if self.capturing is not None:
            if self.n_captures > self.max_captures:
                raise RuntimeError("operation not permitted when stream is capturing\nadvice")
            self.capturing.kernels.append((name, seconds))
            return
        self.log.append(name)
        self._queue(LAUNCH_S, seconds)

    def _queue(self, host_s, device_s):
        pending = [end for end in self.ends[-self.queue_len :] if end > self.now]
        if len(pending) >= self.queue_len:
            self.now = pending[0]
        self.now += host_s
        self.ends.append(max(self.now, self.device_end) + device_s)

    def synchronize(self, device=None):
        """Wait for the device."""
        assert self.capturing is None, "no waiting while a graph is captured"
        self.log.append("synchronize")
        self.now = max(self.now, self.device_end)

    def event(self, device=None, enable_timing=False):
        """An event of the queue."""
        assert enable_timing
        return FakeEvent(self)


class FakeEvent:
    """The moment at which the device comes to where it was recorded."""

    def __init__(self, cuda):
        self.cuda = cuda
        self.moment = None

    def record(self):
        assert self.cuda.capturing is None, "events inside a graph are not timed on ROCm"
        self.cuda._queue(EVENT_S, 0.0)
        self.cuda.log.append("event")
        self.moment = self.cuda.device_end

    def query(self):
        return self.moment <= self.cuda.now

    def elapsed_time(self, end):
        assert end.query(), "the queue must be drained first"
        return (end.moment - self.moment) * 1e3  # milliseconds, as torch's


class FakeGraph:
    """A graph of kernels."""

    cuda = None  # set for the test

    def __init__(self):
        self.kernels = []
        self.state = "new"

    def capture_begin(self, pool=None, capture_error_mode="global"):
        assert self.state == "new"
        assert self.cuda.capturing is None, "one capture at a time"
        assert pool == "pool", "all graphs of a step share one pool"
        self.state = "capturing"
        self.cuda.n_captures += 1
        self.cuda.log.append("capture")
        self.cuda.capturing = self

    def capture_end(self):
        assert self.cuda.capturing is self
        self.state = "captured"
        self.cuda.capturing = None
        self.cuda.reserved += POOL_BYTES

    def replay(self):
        assert self.state == "captured"
        names = "+".join(name for name, _ in self.kernels)
        self.cuda.log.append(f"replay {names}")
        self.cuda._queue(LAUNCH_S, sum(seconds for _, seconds in self.kernels))


class FakeStream:
    """A stream that runs in step with the others."""

    def __init__(self, device=None):
        pass

    def wait_stream(self, other):
        pass


class FakeFlush:
    """A flush that takes 40 microseconds of the device."""

    def __init__(self, cuda, n_bytes):
        self.cuda = cuda
        self.n_bytes = n_bytes

    def __call__(self):
        self.cuda.launch(40e-6, "flush")


def install(monkeypatch, cuda):
    """Make torch's calls those of the fake."""

    @contextmanager
    def stream_context(stream):
        yield

    @contextmanager
    def graph_context(graph, pool=None, stream=None):
        cuda.synchronize()
        outside, cuda.current_stream = cuda.current_stream, stream
        graph.capture_begin(pool)
        try:
            yield
        except RuntimeError:
            graph.capture_end()
            raise  # as torch's, which fails before it leaves the stream
        graph.capture_end()
        cuda.current_stream = outside

    graph_class = type("Graph", (FakeGraph,), {"cuda": cuda})
    for name, value in {
        "CUDAGraph": graph_class,
        "Stream": FakeStream,
        "_sleep": lambda cycles: cuda.launch(cycles / CYCLES_PER_S, "spin"),
        "current_stream": lambda device=None: cuda.current_stream,
        "empty_cache": lambda: cuda.log.append("empty_cache"),
        "get_device_properties": lambda device: cuda.properties,
        "graph": graph_context,
        "graph_pool_handle": lambda: "pool",
        "memory_reserved": lambda device: cuda.reserved,
        "stream": stream_context,
        "set_stream": lambda stream: setattr(cuda, "current_stream", stream),
        "synchronize": cuda.synchronize,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch.accelerator, "synchronize", cuda.synchronize)
    monkeypatch.setattr(torch, "Event", cuda.event)
    from gqa_core.measure import step_timer

    monkeypatch.setattr(step_timer, "Flush", lambda device, n_bytes: FakeFlush(cuda, n_bytes))
