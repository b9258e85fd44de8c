"""Progress of a group of decode steps: its words, and points that count as done within it."""

from dataclasses import replace

from gqa_core.configs import GroupedConfig, Workload, default_mla_for
from gqa_core.measure.sampling import take_samples
from gqa_core.records.header import DeviceInfo
from gqa_core.runner import run as run_module
from gqa_core.runner.events import Progress
from gqa_core.runner.groups import describe_group
from tests.records.fake_records import measured, point

LATENT = default_mla_for(8, 16)
SPECS = [point(GroupedConfig(n_heads=8, n_kv_heads=n, head_dim=16), 8192) for n in (8, 2, 1)]
SPECS += [point(LATENT, 8192, kernel=form) for form in ("absorbed", "naive")]
NAMES = "MHA, GQA-2, MQA, MLA absorbed, MLA naive in turns at 8,192 tokens"


def test_a_group_is_named_by_its_variants_and_what_they_share():
    assert describe_group(SPECS) == f"{NAMES}, float32"
    workload = Workload(context_len=8192, batch_size=4)
    batched = [replace(spec, workload=workload, dtype="bfloat16") for spec in SPECS[:2]]
    assert describe_group(batched) == "MHA, GQA-2 in turns at 8,192 tokens, batch 4, bfloat16"
    assert describe_group(SPECS[:1]) == str(SPECS[0])
    coded = [replace(spec, kv_format="int8_per_token_head") for spec in SPECS[:2]]
    assert describe_group(coded).startswith("MHA int8, GQA-2 int8 in turns")


class GroupWorkers:
    """Answers a group at once, after it reported that two of its points are done."""

    def __init__(self, preload):
        self.info = DeviceInfo(
            type="cpu", name="A CPU", n_threads=2, torch_version="2.13.0", free_bytes=2**40
        )

    def call(self, module, function, *arguments, on_progress=None):
        if function == "measure_decode":
            on_progress("34 samples in 3 s", 2)
            return [measured() for _ in arguments[0]]
        return self.info if function == "device_info" else None


def test_points_count_as_done_as_soon_as_they_have_all_their_samples(monkeypatch):
    monkeypatch.setattr(run_module, "Workers", GroupWorkers)
    events = []
    specs = [point(context_len=n, kernel=kernel) for n in (64, 128) for kernel in ("auto", "sdpa")]
    run_module.run(specs, device="cpu", log=None, on_event=events.append)
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event.n_done for event in progress] == [0, 2, 2, 4]
    assert str(progress[1]).startswith("2 of 4: timing ")
    assert str(progress[1]).endswith(" in turns at 64 tokens, float32: 34 samples in 3 s")


class FixedTimer:
    """A step whose passes take these seconds in turn, on the test's clock."""

    def __init__(self, clock, *seconds):
        self.clock, self.seconds, self.n_passes = clock, seconds, 0

    def time_phases(self):
        return dict.fromkeys(("project", "append", "attend", "output"), self.time_whole())

    def time_whole(self):
        self.n_passes += 1
        seconds = self.seconds[self.n_passes // 2 % len(self.seconds)]
        self.clock.append(self.clock[-1] + seconds)
        return seconds

    def time_attend(self):
        return self.time_whole()

    def time_overhead(self):
        return 1e-6


class NoProbes:
    def read(self):
        pass

    def multiply(self):
        pass


def test_the_sampler_reports_how_many_steps_have_all_their_samples():
    clock, reports = [0.0], []
    ever_faster = (0.02 * 0.99**n for n in range(600))
    steady, wild = FixedTimer(clock, 0.01), FixedTimer(clock, *ever_faster)
    take_samples(
        [steady, wild],
        NoProbes(),
        least=14,
        budget_s=10.0,
        now=lambda: clock[-1],
        on_progress=lambda text, n_done: reports.append((text, n_done)),
    )
    assert [n_done for _, n_done in reports] == sorted(n_done for _, n_done in reports)
    assert {n_done for _, n_done in reports} >= {0, 1}
    assert reports[0][0].partition(" samples in ")[2] in ("2 s", "3 s")
