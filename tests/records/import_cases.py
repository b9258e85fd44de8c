"""Records as a file to import, and records with one thing in them wrong."""

import io
import json

from hypothesis import strategies as st

from gqa_core.records.importing import import_records
from gqa_core.records.kinds import KINDS, encode_record

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def jsonl(*records):
    """Records, or parsed JSON that looks like one, as JSON Lines."""
    return "".join(f"{_line(record)}\n" for record in records)


def _line(record):
    is_record = isinstance(record, tuple(KINDS.values()))
    return encode_record(record) if is_record else json.dumps(record)


def import_text(log, text):
    data = text if isinstance(text, bytes) else text.encode()
    return import_records(io.BytesIO(data), log)


def changed(record, path, value):
    """The JSON of a record with one thing in it replaced, or removed where the value is `...`.

    A number in the path is a place in a list.
    """
    lie = record.to_builtins()
    *parents, last = (int(name) if name.isdigit() else name for name in path.split("."))
    place = lie
    for name in parents:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return lie


def assert_refused_alone(log, lie, records, sentence):
    """The lie is named in one short sentence with its line, the second, and the rest is kept."""
    imported = import_text(log, jsonl(records[0], lie, *records[1:]))
    assert imported.n_imported == len(records)
    assert log.records() == records
    (refusal,) = imported.refused
    assert refusal.startswith("line 2: ")
    assert sentence in refusal
    assert len(refusal.splitlines()) == 1
    assert len(refusal) < 300
