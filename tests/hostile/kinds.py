"""Every kind of hostile input: how one is made, and what reads it to a sentence or to texts."""

import io
import random
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dashboard.data.decode_rows import decode_rows
from dashboard.report.log_tables import runs_table
from dashboard.shell.jobs import RunJob
from dashboard.shell.panels import escape_markdown
from dashboard.shell.public_text import public_messages
from gqa_core.model_files.layout_text import parse_layout_text
from gqa_core.model_files.read import read_model, read_model_file
from gqa_core.model_files.safetensors_index import index_weight_bytes
from gqa_core.names import clean_name, name_rule, plain_cell
from gqa_core.records.header import MEASURED_ELSEWHERE
from gqa_core.records.importing import read_record
from gqa_core.records.run_log import RunLog, RunLogError
from tests.engine_logs.test_untrusted_logs import read_and_reconcile
from tests.hostile import inputs
from tests.records import fake_records

FORMULAS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\u207c\u2212\u2010\u2795\t\r"


class ShownError(AssertionError):
    """Something got through that a page or a spreadsheet would read."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of input, the number of a whole run, and `use`, which returns what is shown of it."""

    title: str
    n_inputs: int
    use: Callable[[random.Random], Iterable[str]]


def _refused(read: Callable[..., object], *arguments: object) -> list[str]:
    try:
        read(*arguments)
    except ValueError as error:
        return [str(error)]
    return []


def use_index(generator: random.Random) -> Iterable[str]:
    return _refused(index_weight_bytes, inputs.index(generator).encode(errors="replace"))


def use_gguf(generator: random.Random) -> Iterable[str]:
    data = inputs.gguf(generator)
    return _refused(read_model_file, io.BytesIO(data), len(data)) + _refused(read_model, data)


def use_engine_log(generator: random.Random) -> Iterable[str]:
    sentence = read_and_reconcile(inputs.engine_log(generator), generator)
    return [sentence] if sentence else []


def use_record(generator: random.Random) -> Iterable[str]:
    line = inputs.record_line(generator).encode(errors="surrogatepass")
    try:
        record = read_record(line)
    except ValueError as error:
        return [str(error)]
    if record.kind != "decode":
        return []
    rows = decode_rows([record], MEASURED_ELSEWHERE)
    for cell in runs_table(rows, rows).texts()[0]:
        _require_plain(cell)
    return []


def use_name(generator: random.Random) -> Iterable[str]:
    text = inputs.name(generator)
    cleaned = clean_name(text, 60)
    if len(cleaned) > 60 or (cleaned and name_rule(cleaned)) or set(cleaned) & set("<>$*`[]{}%\\"):
        raise ShownError(f"a name became {cleaned!a}")
    _require_plain(plain_cell(text))
    if name_rule(text) is None:
        _require_plain(text)
        if not text.isprintable() or any(
            piece.strip()[:1] in FORMULAS for piece in text.split(";")
        ):
            raise ShownError(f"a name passed: {text!a}")
    shown = escape_markdown(text)
    for place, letter in enumerate(shown):
        if letter in "<>*`$[]:|#&" and shown[max(place - 1, 0)] != "\\":
            raise ShownError(f"Markdown is read in {shown!a}")
    return []


def use_child_line(generator: random.Random) -> Iterable[str]:
    run = RunJob(arguments=("bench",))
    for receive in (run.on_stdout, run.on_stderr):
        receive(inputs.child_line(generator))
    return [message.replace("\n", " ") for message in public_messages(run.messages)]


def use_log_file(generator: random.Random) -> Iterable[str]:
    with tempfile.TemporaryDirectory(prefix="gqa-hostile-") as folder:
        path = Path(folder, "runs.sqlite")
        path.write_bytes(inputs.log_bytes(generator, _log_file()))
        log = RunLog(path)
        uses = (log.read, log.counts, log.version, lambda: log.append(fake_records.record(9999)))
        for use in uses:
            try:
                use()
            except RunLogError as error:
                if str(path) not in str(error):
                    return [str(error)]
    return []


@cache
def _log_file() -> bytes:
    with tempfile.TemporaryDirectory(prefix="gqa-hostile-") as folder:
        log = RunLog(Path(folder, "runs.sqlite"))
        log.import_records(fake_records.record(index=index) for index in range(30))
        assert log.path is not None
        return log.path.read_bytes()


def _require_plain(cell: str) -> None:
    if cell[:1] in FORMULAS and cell not in ("", "-") and cell[1:2] not in ".0123456789":
        raise ShownError(f"a cell begins like a formula: {cell[:40]!a}")


KINDS = (
    Kind("config.json", 20_000, lambda g: _refused(read_model, inputs.config(g))),
    Kind("GGUF headers", 20_000, use_gguf),
    Kind("safetensors indexes", 8_000, use_index),
    Kind("ollama show", 8_000, lambda g: _refused(read_model, inputs.ollama(g))),
    Kind("models in links", 12_000, lambda g: _refused(parse_layout_text, inputs.layout(g))),
    Kind("engine logs", 4_000, use_engine_log),
    Kind("records", 15_000, use_record),
    Kind("names", 15_000, use_name),
    Kind("lines of a child", 5_000, use_child_line),
    Kind("log files", 400, use_log_file),
)
