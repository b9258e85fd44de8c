"""Makers of hostile inputs, one function per kind: a seeded generator in, bytes or text out."""

import json
import random
import string

from gqa_core.records.kinds import encode_record
from tests.engine_logs.test_untrusted_logs import fuzzed as engine_log
from tests.hf_config.test_untrusted_text import BASES, changed
from tests.model_files.test_gguf_header import fuzzed as gguf
from tests.model_files.test_layout_text import TEXT, fields, packed
from tests.model_files.test_read import VERBOSE
from tests.records import fake_records

__all__ = ["child_line", "config", "engine_log", "gguf", "index", "layout", "log_bytes", "name"]
__all__ += ["ollama", "record_line"]

MARKUP = ("<b>x</b>", '<a href="http://e.x">y</a>', "<script>z()</script>", "**s**", "`c`", "$z$")
MARKUP += ("[l](http://e.x)", ":smile:", ":red[r]", "&lt;", "%{x}", "www.e.x", "# h", "a@e.x", "|")
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\u207c\u2212\u2010\u2795;,\t\r\n'\"\\"
UNSEEN = "\u202e\u2066\u200b\u200d\u00ad\u3164\u115f\uffa0\u2800\x00\x07\x1b\u2028\ufeff\ue000"
BLOCKS = ((0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x2000, 0x206F), (0xFF00, 0xFFEF))
ODD_JSON = ("9" * 5000, "1e999", "-0", "NaN", "Infinity", '"\\ud800"', "[" * 5000, "{" * 50, "")
ODD_JSON += ('{"a":1,"a":2}', "[" * 40 + "]" * 40, "9" * 39, "null", "true", "[]", '"' + "x" * 9999)


def name(generator: random.Random) -> str:
    """A name of markup, signs of formulas, unseen letters and any others."""
    pieces = []
    for _ in range(generator.randint(1, 8)):
        low, high = generator.choice(BLOCKS)
        pieces.append(
            generator.choice(
                (
                    generator.choice(MARKUP),
                    generator.choice(SIGNS),
                    generator.choice(UNSEEN),
                    chr(generator.randint(low, high)) * generator.choice((1, 1, 3, 300)),
                    "".join(generator.choices(string.ascii_letters, k=4)),
                )
            )
        )
    return "".join(pieces)


def config(generator: random.Random) -> str:
    """A config.json with odd values, duplicate keys, deep or huge ones, or cut."""
    text = changed(generator, generator.choice(BASES))
    return _odd_json(generator, text) if generator.random() < 0.3 else text


def index(generator: random.Random) -> str:
    """An index of safetensors files that lies."""
    total = generator.choice([1, -1, 0, 10**16, 1.5, None, "x", True, [], 2**70, 1e300])
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": {name(generator): "a"}})
    return _odd_json(generator, text) if generator.random() < 0.5 else text


def ollama(generator: random.Random) -> str:
    """The text of `ollama show` with words replaced."""
    words = VERBOSE.split(" ")
    for _ in range(generator.randint(1, 6)):
        words[generator.randrange(len(words))] = generator.choice(
            [name(generator), "9" * 50, "-1", "[8 8 8 ...+29 more]", "1e309", "\n"]
        )
    return " ".join(words)


def layout(generator: random.Random) -> str:
    """The model of a link: one entry replaced under a right checksum, or letters changed."""
    if generator.random() < 0.3:
        place = generator.randrange(len(TEXT))
        return TEXT[:place] + generator.choice(SIGNS + string.printable) + TEXT[place + 1 :]
    array = fields()
    entry = array
    while isinstance(entry[place := generator.randrange(len(entry))], list) and entry[place]:
        entry = entry[place]
    entry[place] = generator.choice(
        [0, -1, 2**31, 10**40, 1.5, None, "x", [], True, name(generator)]
    )
    return packed(array)


def record_line(generator: random.Random) -> str:
    """A record with one thing in it that cannot be true."""
    record = json.loads(encode_record(fake_records.record(index=generator.randrange(10**6))))
    place, key = record, generator.choice(list(record))
    while isinstance(place[key], dict) and place[key] and generator.random() < 0.8:
        place, key = place[key], generator.choice(list(place[key]))
    odd = [0, -1, 2**70, 1e300, 1e-300, None, True, "", [], {}, [1e9] * 3, name(generator)]
    place[key] = name(generator) if generator.random() < 0.4 else generator.choice(odd)
    text = json.dumps(record)
    return _odd_json(generator, text).replace("\n", " ") if generator.random() < 0.3 else text


def child_line(generator: random.Random) -> str:
    """A line of a measuring process that is no event and no record."""
    start = generator.choice(
        ['{"event":"progress",', '{"event":"started",', "Traceback", "", "/a/b"]
    )
    return start + name(generator) + generator.choice(["", "/usr/lib/python3/x.py", "}"])


def log_bytes(generator: random.Random, log: bytes) -> bytes:
    """The file of a log, cut or with bytes changed."""
    data = bytearray(log)
    if generator.random() < 0.4:
        return bytes(data[: generator.randrange(len(data))])
    for _ in range(generator.randint(1, 40)):
        data[generator.randrange(len(data))] = generator.randrange(256)
    return bytes(data)


def _odd_json(generator: random.Random, text: str) -> str:
    """The text with an odd value in the place of another, or cut."""
    colons = [place for place, letter in enumerate(text) if letter in ":["]
    place = generator.choice(colons) + 1 if colons else 0
    return text[:place] + generator.choice(ODD_JSON) + text[place + generator.randrange(9) :]
