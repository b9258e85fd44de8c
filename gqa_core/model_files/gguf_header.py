"""Reads the header of a GGUF file: its metadata, and the sizes of its tensors.

The file is untrusted. Lengths are bounded, long texts and lists (a vocabulary of 256,000 tokens)
are skipped and not built, and nothing after the header is read, however large the file is.
Source: ggml-org/ggml, docs/gguf.md; versions 2 and 3, little and big endian.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from struct import Struct
from types import MappingProxyType
from typing import BinaryIO

from gqa_core.model_files.byte_source import ByteSource, TruncatedError
from gqa_core.model_files.ggml_types import TensorTotals, read_tensor_totals

__all__ = ["MAGIC", "GgufHeader", "MetadataValue", "read_gguf_header"]

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_ENTRIES = 2**12  # keys of a file; real ones have fewer than 100
MAX_TENSORS = 2**16
MAX_NAME_BYTES = 2**16 - 1  # the format's own limit
MAX_TEXT_BYTES = 2**12  # longer texts (chat templates) are skipped
MAX_LIST = 2**12  # longer lists (vocabularies, merges) are skipped
MAX_NUMBERS = 2**16  # in all lists together; further lists are skipped
MAX_STRINGS = 2**21  # in all lists together, since each has to be passed one by one
STRING, ARRAY = 8, 9
NUMBER_FORMS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?"}
NUMBER_FORMS |= {10: "Q", 11: "q", 12: "d"}

Number = int | float | bool
MetadataValue = Number | str | tuple[Number, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """The metadata of a GGUF file, without texts and lists that are too long to matter.

    `skipped_keys` are those that were there but not built. `tensors` is None if the header was cut
    or a tensor has a type that is not known. `cut_in` is the key in which the bytes end.
    """

    values: Mapping[str, MetadataValue]
    skipped_keys: tuple[str, ...] = ()
    tensors: TensorTotals | None = None
    cut_in: str | None = None


def read_gguf_header(file: BinaryIO, size: int, *, may_be_cut: bool = False) -> GgufHeader:
    """The header of a GGUF file of `size` bytes.

    With `may_be_cut` the bytes may be the first ones of a file: they may end in the vocabulary,
    which follows the model's own keys.

    Raises:
        ValueError: the bytes are no GGUF file of a known version, end before the header does, or
            exceed a bound.
    """
    source = ByteSource(file, size)
    try:
        if source.read(4) != MAGIC:
            raise ValueError("a GGUF file must begin with GGUF: got other bytes")
        return _Reader(source, may_be_cut=may_be_cut).header()
    except TruncatedError as error:
        raise ValueError(f"a GGUF header must be complete: {error}") from None


class _Reader:
    """Reads one header; the byte order follows from the version, which is a small number."""

    def __init__(self, source: ByteSource, *, may_be_cut: bool) -> None:
        self.source = source
        self.may_be_cut = may_be_cut
        raw = source.read(4)
        version = int.from_bytes(raw, "little")
        order = "<" if version < 2**16 else ">"
        version = version if order == "<" else int.from_bytes(raw, "big")
        if version not in VERSIONS:
            raise ValueError(f"the version of a GGUF file must be 2 or 3: got {version}")
        self.forms = {kind: Struct(order + form) for kind, form in NUMBER_FORMS.items()}
        self.length_form = self.forms[10]
        self.n_strings = self.n_numbers = 0

    def header(self) -> GgufHeader:
        """The header, read to its end or to where the bytes are cut."""
        n_tensors = self.length("tensors", MAX_TENSORS)
        n_entries = self.length("keys", MAX_ENTRIES)
        values: dict[str, MetadataValue] = {}
        skipped: dict[str, None] = {}
        name = "its keys"
        try:
            for _ in range(n_entries):
                name = "its keys"
                name = self.text("a key", MAX_NAME_BYTES)
                if name in values or name in skipped:
                    raise ValueError(f"a GGUF key must come once: got {name[:60]!r} twice")
                value = self.value(name)
                if value is None:
                    skipped[name] = None
                else:
                    values[name] = value
        except TruncatedError as error:
            if self.may_be_cut and name.startswith("tokenizer."):
                return _header(values, skipped, cut_in=name)
            place = f"{error}, in {name[:60]}"
            raise TruncatedError(place) from None
        return _header(values, skipped, tensors=self.tensors(n_tensors))

    def length(self, what: str, most: int) -> int:
        """The next length, which is bounded."""
        count = int(self.source.number(self.length_form))
        if count > most:
            raise ValueError(f"a GGUF file must have at most {most} {what}: got {count}")
        return count

    def text(self, what: str, most: int) -> str:
        """The next string."""
        n_bytes = int(self.source.number(self.length_form))
        if n_bytes > most:
            raise ValueError(f"{what} of a GGUF file must have at most {most} bytes: got {n_bytes}")
        raw = self.source.read(n_bytes)
        name = raw.decode(errors="replace")
        if not (name.isascii() and name.isprintable()):
            raise ValueError(f"{what} of a GGUF file must be printable ASCII: got {name[:40]!r}")
        return name

    def value(self, name: str) -> MetadataValue | None:
        """The next value with its type; None if it is too long to build, and so skipped."""
        kind = int(self.source.number(self.forms[4]))
        if kind in self.forms:
            return self.source.number(self.forms[kind])
        if kind == STRING:
            n_bytes = int(self.source.number(self.length_form))
            if n_bytes > MAX_TEXT_BYTES:
                self.source.skip(n_bytes)
                return None
            return self.source.read(n_bytes).decode(errors="replace")
        if kind == ARRAY:
            return self.array(name)
        raise ValueError(f"{name[:60]} must have a type that GGUF knows: got type {kind}")

    def array(self, name: str) -> tuple[Number, ...] | None:
        """The next list of numbers; None if it holds strings or is too long, and so skipped."""
        kind = int(self.source.number(self.forms[4]))
        count = int(self.source.number(self.length_form))
        if kind == STRING:
            self.n_strings += count
            if self.n_strings > MAX_STRINGS:
                raise ValueError(
                    f"a GGUF file must list at most {MAX_STRINGS} strings: got more in {name[:60]}"
                )
            self.source.skip_strings(self.length_form, count)
            return None
        if kind not in self.forms:
            raise ValueError(f"{name[:60]} must list numbers or strings: got type {kind}")
        self.n_numbers += count
        if count > MAX_LIST or self.n_numbers > MAX_NUMBERS:
            self.source.skip(count * self.forms[kind].size)
            return None
        return tuple(self.source.numbers(self.forms[kind], count))

    def tensors(self, n_tensors: int) -> TensorTotals | None:
        """Sizes of all tensors; None if their list is cut or a type is not known."""
        try:
            return read_tensor_totals(self.source, self.forms, n_tensors)
        except TruncatedError:
            if self.may_be_cut:
                return None
            raise


def _header(
    values: Mapping[str, MetadataValue],
    skipped: Iterable[str],
    *,
    tensors: TensorTotals | None = None,
    cut_in: str | None = None,
) -> GgufHeader:
    return GgufHeader(
        values=MappingProxyType(dict(values)),
        skipped_keys=tuple(skipped),
        tensors=tensors,
        cut_in=cut_in,
    )
