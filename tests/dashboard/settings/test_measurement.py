"""Choices: the command line that each of them is."""

from dataclasses import replace

import pytest
from msgspec.structs import astuple

from dashboard.settings.measurement import (
    SECONDS_TO_START,
    DecodeSettings,
    GenerationSettings,
    QualitySettings,
    VerifySettings,
)
from gqa_core.sample_runs.reader import FOLDER, sample_runs

HEADS = {"n_heads": 8, "n_kv_heads": 2, "head_dim": 16, "context_len": 64, "batch_size": 1}
CHOICE = DecodeSettings(**HEADS, n_layers=1, dtype="float32", kernel="auto")


def test_a_run_measures_the_slider_s_context_and_two_below():
    assert CHOICE.context_lens == (4, 16, 64)
    line = " ".join(CHOICE.arguments)
    assert "--n-heads 8 --n-kv-heads 8,2,1 --head-dim 16 --context-len 4,16,64" in line
    assert line.endswith("--mla")


def test_quantised_caches_are_measured_beside_unquantised_ones_and_searched_alone():
    assert CHOICE.kv_format == "fp32"
    assert "--kv-format" not in (*CHOICE.arguments, *CHOICE.search_arguments)
    quantised = replace(CHOICE, dtype="bfloat16", cache_format="int8_per_token_head")
    assert quantised.kv_format == "int8_per_token_head"
    assert "--kv-format bf16,int8_per_token_head --mla" in " ".join(quantised.arguments)
    assert "--kv-format int8_per_token_head --mla" in " ".join(quantised.search_arguments)


def test_a_check_plants_its_error_only_where_asked():
    planted, sound = (
        VerifySettings(**HEADS, dtype="float32", planted=planted).arguments
        for planted in (True, False)
    )
    assert " ".join(sound).startswith("verify --n-heads 8 --n-kv-heads 2 --head-dim 16")
    assert planted == (*sound, "--plant-errors")


def test_longer_lengths_are_for_the_cache_alone():
    settings = GenerationSettings(n_heads=2, head_dim=32, n_layers=1, context_len=128)
    line = " ".join(settings.arguments)
    assert line.endswith(
        "--context-len 12,16,24,32,48,64,96,128 --cached-context-len 192,256,384,512"
    )


def test_the_estimate_of_a_generation_is_about_what_the_shipped_run_took():
    records = sample_runs(FOLDER).records
    generated = [record for record in records if record.kind == "generate"]
    grown = [record for record in records if record.kind == "growth"]
    config, workload = generated[0].config, generated[0].workload
    settings = GenerationSettings(
        n_heads=config.n_heads,
        head_dim=config.head_dim,
        n_layers=workload.n_layers,
        context_len=min(record.workload.context_lens[-1] for record in generated),
    )
    took_s = sum(sum(phase[-1] for phase in astuple(record.totals_s)) for record in generated)
    took_s += sum(record.totals_s.append[-1] for record in grown)
    assert settings.estimate_s - SECONDS_TO_START == pytest.approx(took_s, rel=0.2)


def test_estimates_grow_with_what_the_sliders_ask_for():
    small = GenerationSettings(n_heads=1, head_dim=32, n_layers=1, context_len=128)
    large = GenerationSettings(n_heads=8, head_dim=128, n_layers=4, context_len=1024)
    assert small.estimate_s < 10 < 300 < large.estimate_s
    seconds = [
        QualitySettings(pooling="mean", seed=0, percent=percent).estimate_s
        for percent in (0, 1, 20)
    ]
    assert seconds == sorted(seconds)
    assert seconds[0] == SECONDS_TO_START
    assert seconds[-1] > 60
