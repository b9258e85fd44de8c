"""The files of the sample runs: small, complete, of this version, and valid record by record."""

import gzip
import re

import pytest
from msgspec import structs

from gqa_core.records.importing import read_record
from gqa_core.records.kinds import DecodeRecord, encode_record
from gqa_core.sample_runs.doubts import doubt
from gqa_core.sample_runs.measure import is_measured
from gqa_core.sample_runs.plan import sample_plan
from gqa_core.sample_runs.reader import (
    COMMAND,
    FOLDER,
    SUFFIX,
    read_sample_file,
    sample_runs,
    write_sample_file,
)
from tests.records import fake_comparisons, fake_generations
from tests.records.fake_records import record

MAX_BYTES = 400_000
SHIPPED = sorted(FOLDER.glob(f"*{SUFFIX}"))


@pytest.fixture(scope="module", params=SHIPPED, ids=lambda path: path.name)
def shipped(request):
    return read_sample_file(request.param)


def test_files_ship_and_are_small():
    assert SHIPPED
    assert sum(path.stat().st_size for path in SHIPPED) < MAX_BYTES


def test_shipped_records_are_valid_quiet_and_complete(shipped):
    for each in shipped:
        assert read_record(encode_record(each).encode()) == each  # as an import would check it
    assert [reason for each in shipped if (reason := doubt(each))] == []
    incomplete = {part.name for part in sample_plan() if not is_measured(part, shipped)}
    assert not incomplete, f"the plan has changed: delete the file and run {COMMAND}"
    assert len({each.device.name for each in shipped}) == 1


def test_written_records_are_read_again(tmp_path):
    records = [record(0), record(1), fake_comparisons.record(), *fake_generations.records()]
    write_sample_file(tmp_path / f"a{SUFFIX}", records[:3])
    write_sample_file(tmp_path / f"b{SUFFIX}", records[3:])
    runs = sample_runs(tmp_path)
    assert (runs.records, runs.warnings) == (tuple(records), ())


def test_a_folder_without_files_has_no_records(tmp_path):
    assert sample_runs(tmp_path).records == sample_runs(tmp_path).warnings == ()


def test_long_samples_are_thinned_evenly_rounded_and_stay_valid(tmp_path):
    seconds = [0.00200001 + index / 1e6 for index in range(250)]
    long = record(
        attend=seconds * 4,
        step_samples=seconds,
        bandwidth_samples_bytes_per_s=[12_345_678.0] * 300,
        read_bandwidth_bytes_per_s=12_345_678.0,
    )
    fixed = (0.001,) * 250
    samples = structs.replace(long.samples_s, project=fixed, append=fixed, output=fixed)
    long = structs.replace(long, samples_s=samples)
    write_sample_file(path := tmp_path / f"a{SUFFIX}", [long])
    (thin,) = read_sample_file(path)
    assert isinstance(thin, DecodeRecord)
    assert thin.samples_s.step == tuple(round(each, 6) for each in seconds[::3])
    assert len(thin.samples_s.attend) == 334
    assert thin.bandwidth_samples_bytes_per_s == (12_345_678.0,) * 100  # not above the best
    thin.samples_s.validate()


def test_equal_records_give_equal_files(tmp_path):
    for name in ("a", "b"):
        write_sample_file(tmp_path / f"{name}{SUFFIX}", [record()])
    first, second = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert first == second


@pytest.mark.parametrize("damage", ["another version", "cut off", "no gzip", "folder"])
def test_a_file_of_another_version_or_damaged_names_the_command(tmp_path, damage):
    path = tmp_path / f"cpu{SUFFIX}"
    line = encode_record(record()).encode()
    write_sample_file(tmp_path / f"gpu{SUFFIX}", [record()])
    data = {
        "another version": gzip.compress(
            line.replace(b'"schema_version":5', b'"schema_version":6')
        ),
        "cut off": gzip.compress(line)[:-20],
        "no gzip": line,
    }.get(damage)
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    sentence = r"cpu.jsonl.gz cannot be read .* measure again with"
    with pytest.raises(ValueError, match=sentence):
        read_sample_file(path)
    runs = sample_runs(tmp_path)
    assert [re.search(sentence, warning) is not None for warning in runs.warnings] == [True]
    assert len(runs.records) == 1  # those of the other file
