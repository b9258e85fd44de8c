"""Writes GGUF headers for tests: metadata, and a list of tensors without their data."""

import struct

U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
FORMS = {0: "B", 1: "b", 2: "H", 3: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q"}
LLAMA = {
    "general.architecture": "llama",
    "llama.block_count": 32,
    "llama.context_length": 8192,
    "llama.embedding_length": 4096,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
}


def gguf_bytes(values, *, order="<", version=3, tensors=()):
    """The bytes of a header; `values` maps keys to numbers, texts and lists, which may be empty."""
    head = b"GGUF" + struct.pack(f"{order}IQQ", version, len(tensors), len(values))
    entries = [text(name, order) + entry(value, order) for name, value in values.items()]
    listed = [
        text(name, order) + struct.pack(f"{order}I{len(shape)}QIQ", len(shape), *shape, kind, 0)
        for name, shape, kind in tensors
    ]
    return head + b"".join(entries) + b"".join(listed)


def text(value, order="<"):
    raw = value.encode()
    return struct.pack(f"{order}Q", len(raw)) + raw


def kind_number(value):
    kinds = {bool: BOOL, int: U32, float: F32, str: STRING, list: ARRAY}
    return I32 if type(value) is int and value < 0 else kinds[type(value)]


def entry(value, order="<"):
    """A value after the number of its type."""
    kind = kind_number(value)
    head = struct.pack(f"{order}I", kind)
    if kind == STRING:
        return head + text(value, order)
    if kind != ARRAY:
        return head + struct.pack(order + FORMS[kind], value)
    inner = kind_number(value[0]) if value else U32
    head += struct.pack(f"{order}IQ", inner, len(value))
    if inner == STRING:
        return head + b"".join(text(item, order) for item in value)
    return head + struct.pack(f"{order}{len(value)}{FORMS[inner]}", *value)
