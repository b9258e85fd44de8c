"""The bytes of a GGUF header: bounded, quick, and refused in one sentence.

The keys were compared with those that `gguf` (version 0.19, of ggml-org/llama.cpp) reads from the
same bytes and writes into its own: both agree for versions 2 and 3.
"""

import random
import time
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gqa_core.model_files.gguf_header import MAX_STRINGS, read_gguf_header
from gqa_core.model_files.read import read_model, read_model_file
from tests.model_files.gguf_writer import LLAMA, gguf_bytes, text
from tests.scale import FACTOR

N_TOKENS = 256_000
VOCABULARY = {
    "tokenizer.ggml.tokens": [f"token {i}" for i in range(N_TOKENS)],
    "tokenizer.ggml.scores": [0.5] * N_TOKENS,
}


def read(data, **options):
    return read_gguf_header(BytesIO(data), len(data), **options)


@pytest.fixture(scope="module")
def large_header():
    return gguf_bytes(LLAMA | VOCABULARY | {"general.quantization_version": 2})


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("order", ["<", ">"])
def test_both_versions_and_both_byte_orders(version, order):
    values = LLAMA | {"a.list": [1, 2, 3], "a.flags": [True, False], "a.float": 0.5, "b": -3}
    header = read(gguf_bytes(values, version=version, order=order))
    expected = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    assert dict(header.values) == expected
    assert header.cut_in is None


def test_a_file_of_20_gb_is_read_in_under_a_second(tmp_path, large_header):
    path = tmp_path / "model.gguf"
    with path.open("wb") as file:
        file.write(large_header)
        file.truncate(20 * 10**9)
    start = time.thread_time()
    with path.open("rb") as file:
        config = read_model_file(file, path.stat().st_size)
    assert time.thread_time() - start < 1
    assert config.model.n_layers == 32


def test_a_vocabulary_is_skipped_and_not_built(large_header):
    header = read(large_header)
    assert header.skipped_keys == tuple(VOCABULARY)
    assert header.values["general.quantization_version"] == 2


def test_the_first_megabyte_is_enough_for_a_model_but_not_for_a_file(large_header):
    first = large_header[: 2**20]
    config = read_model(first)
    assert config.model == read_model(large_header).model
    assert config.assumptions[0].startswith("the bytes end in tokenizer.ggml.tokens")
    with pytest.raises(ValueError, match=r"must be complete: .* in tokenizer.ggml.tokens"):
        read_model_file(BytesIO(first), len(first))


def test_a_header_cut_anywhere_is_one_sentence():
    data = gguf_bytes(LLAMA, tensors=[("token_embd.weight", (4096, 100), 12)])
    for end in range(len(data)):
        with pytest.raises(ValueError, match=r"must be complete|must begin with GGUF"):
            read(data[:end])


def header(n_tensors=0, n_entries=1, body=b""):
    return (
        b"GGUF"
        + b"".join(
            number.to_bytes(size, "little")
            for number, size in ((3, 4), (n_tensors, 8), (n_entries, 8))
        )
        + body
    )


def typed(kind, *rest):
    return text("a") + kind.to_bytes(4, "little") + b"".join(rest)


HUGE = (2**63).to_bytes(8, "little")
STRING, ARRAY, U32 = 8, 9, (4).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "must be complete"),
        (b"GGML" + b"\0" * 40, "must begin with GGUF"),
        (b"GGUF" + (1).to_bytes(4, "little") + b"\0" * 40, "must be 2 or 3: got 1"),
        (b"GGUF" + (9).to_bytes(4, "big") + b"\0" * 40, "must be 2 or 3: got 9"),
        (header(n_entries=2**60), "at most 4096 keys: got 1152921504606846976"),
        (header(n_tensors=2**60), "at most 65536 tensors"),
        (header(body=HUGE), "a key of a GGUF file must have at most 65535 bytes"),
        (header(body=text("a") + b"\xff" * 8), "a type that GGUF knows: got type 4294967295"),
        (header(body=typed(STRING, HUGE)), "must be complete: .*, in a"),
        (header(body=typed(ARRAY, U32, HUGE)), "must be complete: .*, in a"),
        (header(body=typed(ARRAY, (9).to_bytes(4, "little"), HUGE)), "numbers or strings"),
        (header(body=typed(ARRAY, (8).to_bytes(4, "little"), HUGE)), f"at most {MAX_STRINGS} str"),
        (header(n_entries=2, body=typed(4, b"\1\0\0\0") * 2), "must come once: got 'a' twice"),
        (header(body=(2).to_bytes(8, "little") + b"\xff\xff"), "printable ASCII"),
        (header(1, 0, HUGE), "a tensor's name must have at most 1024 bytes"),
    ],
)
def test_a_hostile_header_is_one_sentence(data, sentence):
    with pytest.raises(ValueError, match=sentence):
        read(data)


def test_lists_of_numbers_are_built_up_to_a_bound_in_all():
    values = {f"a.{i}": [1] * 4096 for i in range(100)}
    header_of_lists = read(gguf_bytes(values))
    assert sum(map(len, header_of_lists.values.values())) <= 2**16
    assert len(header_of_lists.skipped_keys) == 100 - 16


def fuzzed(generator):
    """A header with some bytes changed, inserted or removed."""
    values = LLAMA | {"tokenizer.ggml.tokens": ["a", "b"], "llama.rope.sections": [1, 2]}
    data = bytearray(
        gguf_bytes(values, tensors=[("a", (256, 4), 12)], order=generator.choice("<>"))
    )
    for _ in range(generator.randint(1, 12)):
        place = generator.randrange(len(data))
        match generator.randrange(4):
            case 0:
                data[place] = generator.randrange(256)
            case 1:
                data[place : place + 8] = generator.randbytes(8)
            case 2:
                del data[place : place + generator.randint(1, 16)]
            case _:
                data[place:place] = generator.randbytes(generator.randint(1, 16))
    return bytes(data)


def refusal(reading, *arguments):
    """The sentence of the refusal, or an empty one."""
    try:
        reading(*arguments)
    except ValueError as error:
        return str(error)
    return ""


def test_fuzzed_headers_are_read_or_refused_each_within_a_second():
    generator = random.Random(14)
    for _ in range(10_000):
        data = fuzzed(generator)
        start = time.thread_time()
        sentences = [
            refusal(read_model_file, BytesIO(data), len(data)),
            refusal(read_model, data),
        ]
        assert time.thread_time() - start < 1
        assert all(len(sentence) < 400 and "\n" not in sentence for sentence in sentences)


@given(st.binary(max_size=300))
@settings(max_examples=100 * FACTOR)
def test_any_bytes_after_the_magic_are_read_or_refused(rest):
    for version in (b"\3\0\0\0", b"\0\0\0\3"):
        assert "\n" not in refusal(read, b"GGUF" + version + rest)
