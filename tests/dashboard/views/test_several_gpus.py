"""The page Several GPUs: the formula at first sight, then what ranks really held."""

from dataclasses import replace
from itertools import pairwise

import pytest
from msgspec import structs

from dashboard.data.several_gpus import gpu_shares
from dashboard.figures.wire_parts import COLLECTIVES, wire_parts
from dashboard.report.several_gpus_sentences import answer as several_gpus_answer
from dashboard.settings.several_gpus import SeveralGpusSettings
from dashboard.shell import loaders, logged
from dashboard.shell.jobs import RunJob
from dashboard.shell.logged import Read
from gqa_core.configs import GroupedConfig, default_mla_for
from gqa_core.runner.events import Waiting
from tests.dashboard.example_settings import DEVICE_INFO
from tests.dashboard.page_probe import (
    answer,
    lazy_expander,
    meanings,
    metrics,
    slider,
    small_tables,
)
from tests.records import fake_sharded

SETTINGS = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 32, "context_len": 512}


@pytest.fixture(autouse=True)
def device(monkeypatch):
    """A machine of two cores."""
    monkeypatch.setattr(loaders, "device", lambda name="auto": DEVICE_INFO)
    monkeypatch.setattr(loaders, "known_device", lambda name="auto": DEVICE_INFO)


def layer(n_kv_heads=2):
    return GroupedConfig(n_heads=8, n_kv_heads=n_kv_heads, head_dim=32)


def record(point=0, attention=None, **options):
    spec = fake_sharded.spec(attention=attention or layer(), context_len=512, **options)
    return fake_sharded.record(spec, point=point)


def texts(app):
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.subheader))


def test_the_first_view_is_the_formula_on_eight_gpus(opened):
    app = opened("several_gpus")
    assert answer(app) == (
        "**On 8 GPUs, MHA and GQA-8 are kept once, MQA and MLA are kept 8 times.** "
        "Where dcp splits the tokens too, MQA and MLA are kept once from dcp 8; more than that "
        "adds only bytes on the wire. Bytes are those of float32."
    )
    assert metrics(app) == {
        "MHA per GPU and layer": "33.6 MB",
        "GQA-8 per GPU and layer": "8.39 MB",
        "MQA per GPU and layer": "8.39 MB",
        "MLA per GPU and layer": "18.9 MB",
    }
    assert meanings(app)["MLA per GPU and layer"] == "kept 8 times; sends 28.67 kB/token"
    assert "Measured" not in texts(app)
    assert "splits each step over 2 ranks, not 8" in texts(app)


def test_dcp_removes_the_copies_and_names_its_price(opened):
    app = slider(opened("several_gpus"), "sharded_dcp").set_value(8).run()
    assert answer(app).startswith(
        "**On 8 GPUs with dcp 8, MHA, GQA-8, MQA and MLA are kept once.**"
    )
    assert "The price is on the wire: MLA sends most" in answer(app)
    app = slider(app, "sharded_tp").set_value(1).run()
    assert answer(app).startswith("**One GPU keeps everything once and sends nothing.**")
    assert "Bytes are those of float32." in answer(app)
    assert slider(app, "sharded_dcp").value == 1
    assert "Choose more GPUs to run the split on this machine." in texts(app)


def assert_commands(app, flags):
    """Both commands of a cluster have these flags."""
    commands = [block.value for block in app.code if "torchrun" in block.value]
    assert len(commands) == 2
    assert all(flags in command for command in commands)


def test_the_smallest_dcp_that_is_enough_is_named_and_is_in_the_command(opened):
    app = lazy_expander(opened("several_gpus", sharded_tp=16, dtype="bfloat16"), "cluster")
    assert answer(app) == (
        "**On 16 GPUs, MHA is kept once, GQA-8 is kept 2 times, MQA and MLA are kept 16 times.** "
        "Where dcp splits the tokens too, GQA-8 is kept once from dcp 2, MQA and MLA from dcp 16; "
        "more than that adds only bytes on the wire. Bytes are those of bfloat16."
    )
    assert_commands(app, "--tp 16 --dcp 2 ")
    assert "With dcp 2, the smallest that keeps GQA-8 once on 16 GPUs; the page" in texts(app)
    app = slider(app, "sharded_dcp").set_value(4).run()
    assert "MQA and MLA are kept once from dcp 16; more" in answer(app)
    assert_commands(app, "--tp 16 --dcp 4 ")
    app = lazy_expander(opened("several_gpus", n_kv_heads=32, sharded_tp=16), "cluster")
    assert_commands(app, "--tp 16 --dcp 1 ")


def small_settings(**split):
    """Two K/V heads of 32 over 64 tokens, split as told."""
    return SeveralGpusSettings(
        n_kv_heads=2,
        head_dim=32,
        context_len=64,
        batch_size=1,
        n_layers=1,
        dtype="float32",
        **split,
    )


def test_more_dcp_than_is_needed_only_adds_bytes_on_the_wire():
    settings = small_settings(n_heads=4, tp=4, dcp=4)
    shares = [share for share in gpu_shares(settings) if share.name == "GQA-2"]
    assert "Dcp 2 is enough for that: more adds only bytes on the wire" in several_gpus_answer(
        settings, shares
    )


def test_the_legend_names_only_what_is_sent():
    settings = small_settings(n_heads=8, tp=8, dcp=1)
    named = [
        [trace.name for trace in wire_parts(gpu_shares(each)).data if trace.showlegend is not False]
        for each in (settings, replace(settings, dcp=8))
    ]
    assert named == [["all-reduce of the output"], list(COLLECTIVES)]


def test_heads_that_two_ranks_cannot_split_are_named(opened):
    app = opened("several_gpus", n_heads=25, n_kv_heads=5)
    assert slider(app, "sharded_tp").options == ["1", "5", "25"]
    assert "These heads cannot be split over 2 to 2 ranks" in texts(app)
    assert not [button for button in app.button if button.key == "run_button"]


def test_what_ranks_held_stands_beside_the_formula(opened, log):
    log.append(record(0, tp=2))  # an older run of another split
    log.append(record(1, tp=2, dcp=2))
    log.append(record(2, tp=2, dcp=2, attention=layer(8)))
    mla = {"attention": default_mla_for(8, 32), "kernel": "absorbed"}
    log.append(record(3, tp=2, dcp=2, **mla))
    app = opened("several_gpus", **SETTINGS, sharded_tp=2, sharded_dcp=2)
    assert not app.exception
    assert [heading.value for heading in app.subheader] == ["Measured on 2 ranks, dcp 2"]
    assert "Every rank held exactly the bytes of the formula" in texts(app)
    link = "[Measured on 2 ranks, dcp 2](#measured): what each rank held and sent, below."
    assert link in texts(app)
    assert app.subheader[0].proto.anchor == "measured"
    assert "2 ranks share one CPU" in app.warning[0].value
    (table,) = small_tables(app)
    assert [row["Variant"] for row in table] == ["MHA"] * 2 + ["GQA-2"] * 2 + ["MLA"] * 2
    first = table[2]
    expected = f"{2 * 2 * 32 * 256 * 4:,}"  # K and V of both heads, of half of the tokens
    assert (first["K and V, formula (B)"], first["K and V, held (B)"]) == (expected, expected)
    assert first["Sent, formula (B)"] == first["Sent, counted (B)"] != "0"


def test_a_rank_that_holds_other_bytes_is_named(opened, log, monkeypatch):
    good = record(tp=2)
    bad = structs.replace(good.ranks[1], tensor_bytes=12345)
    record_of_run = structs.replace(good, ranks=(good.ranks[0], bad))
    monkeypatch.setattr(logged, "records", lambda kind: Read((record_of_run,)))
    app = opened("several_gpus", **SETTINGS, sharded_tp=2)
    shown = texts(app).replace("\\", "")
    assert "1 of 2 rows are not as the formula says, first GQA-2 on rank 1: it held 12,345" in shown


def test_unusable_samples_give_bytes_and_no_times(opened, log):
    disturbed = {"bandwidth_samples_bytes_per_s": (1e12, *[1e9] * 4)}
    spec = fake_sharded.spec(attention=layer(), context_len=512)
    ranks = tuple(fake_sharded.rank_result(spec, rank, **disturbed) for rank in range(2))
    log.append(fake_sharded.record(spec, ranks=ranks))
    app = opened("several_gpus", **SETTINGS, sharded_tp=2)
    (table,) = small_tables(app)
    assert {row["Step, 5th percentile (ms)"] for row in table} == {"-"}
    doubt = app.warning[1].value.replace("\\", "")
    assert doubt.startswith("The samples of 1 of 1 point are unusable, such as GQA-2: ")
    assert len(app.get("plotly_chart")) == 3
    log.append(record(7))
    app = app.run()
    assert len(app.get("plotly_chart")) == 4


def test_run_starts_as_many_ranks_as_there_are_cores(opened, monkeypatch):
    submitted = []

    class Queue:
        def submit(self, arguments, visitor, address):
            submitted.append(arguments)
            return "a-run"

        def get(self, run_id):
            return None

    monkeypatch.setattr(loaders, "job_queue", Queue)
    app = opened("several_gpus", sharded_dcp=8)
    app.button(key="run_button").click().run()
    (arguments,) = submitted
    options = dict(pairwise(arguments))
    assert (arguments[0], options["--tp"], options["--dcp"]) == ("bench", "2", "2")
    assert options["--n-kv-heads"] == "32,8,1"
    assert RunJob(arguments=arguments).n_ranks == 2


def test_the_button_tells_a_long_run_from_a_short_one(opened):
    labels = [
        opened("several_gpus", context_len=n, sharded_tp=2).button(key="run_button").label
        for n in (512, 2**20)
    ]
    assert labels == ["Run here, about 40 s", "Run here, about 17 min"]


def test_a_run_that_waits_for_another_program_says_so(opened, monkeypatch):
    run = RunJob(arguments=("bench", "--tp", "2"), state="running")
    run.waits_for = Waiting(holder_pid=4711)

    class Queue:
        def get(self, run_id):
            return run

    monkeypatch.setattr(loaders, "job_queue", Queue)
    app = opened("several_gpus", run=run.id)
    assert "Process 4711 is measuring on this machine" in app.info[0].value
    assert [button.label for button in app.button if button.key == "cancel_button"] == ["Cancel"]
