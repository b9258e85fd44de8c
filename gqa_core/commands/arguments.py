"""What the command line takes: one parser a subcommand, whole numbers with their own sentences.

The first function says which subcommands there are; `cli` lists them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import NoReturn

from gqa_core.configs import KERNEL_NAMES
from gqa_core.theory.formats import FORMATS

WHY_CONTEXT_LENS = {
    "context_len": (64, 96, 128, 192, 256, 384, 512, 768),
    "cached_context_len": (1024, 1536, 2048, 3072, 4096),
}
WHY_HELP = {
    "context_len": "lengths at which both ways are timed",
    "cached_context_len": "longer ones, timed with the cache alone",
}
QUALITY_NUMBERS = {"n_kv_heads": (8, 4, 2, 1), "seed": (0,), "percent": (0, 5)}
QUALITY_HELP = {
    "n_kv_heads": "numbers of K/V heads, of 8",
    "seed": "of the batches, and of random heads",
    "percent": "of the training's steps, at which the loss is taken",
}
LATENT_FLAGS = ("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
LAYER_FLAGS = ("n_layers", "n_heads", "n_kv_heads", "head_dim", *LATENT_FLAGS)

Command = Callable[[argparse.Namespace], int]
Parser = argparse.ArgumentParser


class NotANumberError(Exception):
    """Not a ValueError, since argparse would put words of its own before the sentence."""


def parser(commands: Iterable[Command], description: str) -> Parser:
    """A parser that knows each of these subcommands by its function's name.

    What it parses has the function as `run`. Parsing raises ValueError or NotANumberError with one
    sentence, and nothing is printed.
    """
    whole = _SpeakingParser(prog="python -m gqa_core", description=description, allow_abbrev=False)
    names = {command.__name__.rstrip("_"): command for command in commands}
    sub = whole.add_subparsers(required=True, metavar=" | ".join(names))
    for name, command in names.items():
        said = command.__doc__
        added = sub.add_parser(name, help=said, description=said, allow_abbrev=False)
        added.set_defaults(run=command)
        FLAGS[name](added)
    return whole


def flags(names: Iterable[str]) -> str:
    """The flags of these fields, as a user types them."""
    return " ".join(map(_flag, names))


class _SpeakingParser(Parser):
    """argparse, with one sentence for an error and no page of usage before it."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _size(added: Parser) -> None:
    added.add_argument(
        "config", nargs="?", metavar="CONFIG.json", help="a Hugging Face config; - for stdin"
    )
    _add_ints(added, "context_len", required=True)
    _add_ints(added, *LAYER_FLAGS, "tp")
    _add_ints(added, "batch_size", default=1)
    added.add_argument("--kv-format", default="bf16", metavar="NAME", help=", ".join(FORMATS))
    _add_json(added)


def _bench(added: Parser) -> None:
    _add_int_list(added, "context_len")
    _add_decoding(added, samples=20)


def _crossover(added: Parser) -> None:
    _add_ints(added, "max_context_len", default=16384, help="where the search ends")
    _add_decoding(added, samples=9)


def _check(added: Parser) -> None:
    _add_ints(added, "n_heads", "n_kv_heads", "head_dim", "context_len", required=True)
    _add_ints(added, "batch_size", default=1)
    added.add_argument(
        "--plant-wrong-head-order", action="store_true", help="see the comparisons catch it"
    )
    _add_measuring(added)


def _why(added: Parser) -> None:
    _add_ints(added, "n_heads", default=2)
    _add_ints(added, "head_dim", default=128)
    _add_ints(added, "n_layers", default=2)
    for name, default in WHY_CONTEXT_LENS.items():
        added.add_argument(
            _flag(name), type=_ints(name), default=default, metavar="N[,N...]", help=WHY_HELP[name]
        )
    _add_ints(added, "block_len", default=64)
    _add_ints(added, "samples", default=9)
    added.add_argument("--kernel", default="matmul", help=", ".join(KERNEL_NAMES))
    _add_measuring(added)


def _quality(added: Parser) -> None:
    added.add_argument(
        "--start",
        type=_names,
        default=["mean"],
        metavar="NAME[,NAME...]",
        help="mean, first, random: how heads are pooled; scratch: trained so",
    )
    for name, default in QUALITY_NUMBERS.items():
        added.add_argument(
            _flag(name),
            type=_ints(name),
            default=default,
            metavar="N[,N...]",
            help=QUALITY_HELP[name],
        )
    _add_keeping(added)
    _add_device(added)


def _heads(added: Parser) -> None:
    added.add_argument("--text", required=True, help="8 to 96 bytes that the model reads")
    _add_ints(added, "layer", default=1, help="counted from 0")
    added.add_argument(
        "--n-kv-heads",
        type=_ints("n_kv_heads"),
        default=(8, 2),
        metavar="N[,N...]",
        help=f"{QUALITY_HELP['n_kv_heads']}: what the heads are pooled to",
    )
    added.add_argument(
        "--start", default="mean", metavar="NAME", help="mean, first, random: how they are pooled"
    )


def _train(added: Parser) -> None:
    _add_ints(added, "seed", default=0)
    added.add_argument("--out", required=True, metavar="FOLDER", help="for weights and record")


def _device(added: Parser) -> None:
    _add_device(added)
    _add_json(added)


def _runs(added: Parser) -> None:
    _add_log(added)
    _add_json(added)


def _import(added: Parser) -> None:
    added.add_argument("file", metavar="FILE", help="- for stdin")
    _add_log(added)


FLAGS: dict[str, Callable[[Parser], None]] = {
    "size": _size,
    "bench": _bench,
    "crossover": _crossover,
    "check": _check,
    "why": _why,
    "quality": _quality,
    "heads": _heads,
    "train": _train,
    "device": _device,
    "runs": _runs,
    "import": _import,
}


def _add_decoding(added: Parser, samples: int) -> None:
    _add_ints(added, "n_heads", "head_dim", required=True)
    _add_int_list(added, "n_kv_heads")
    added.add_argument("--mla", action="store_true", help="MLA too, absorbed and naive")
    _add_ints(added, *LATENT_FLAGS)
    _add_ints(added, "batch_size", "n_layers", default=1)
    _add_ints(added, "samples", default=samples)
    added.add_argument("--kernel", default="auto", help=", ".join(KERNEL_NAMES))
    _add_measuring(added)


def _add_measuring(added: Parser) -> None:
    added.add_argument("--dtype", default="float32", help="float32, bfloat16, float16")
    _add_keeping(added)
    _add_device(added)


def _add_keeping(added: Parser) -> None:
    added.add_argument("--no-log", action="store_true", help="keep the records out of the log")
    added.add_argument("--out", default="-", metavar="FILE", help="- for stdout")
    _add_log(added)


def _add_log(added: Parser) -> None:
    added.add_argument("--log", metavar="FILE", help="default: GQA_RUN_LOG, or the user's data")


def _add_device(added: Parser) -> None:
    added.add_argument("--device", default="auto", metavar="auto|cpu", help="auto: a GPU first")


def _add_json(added: Parser) -> None:
    added.add_argument("--json", action="store_true", help="one JSON document")


def _add_ints(added: Parser, *names: str, **how: object) -> None:
    for name in names:
        added.add_argument(_flag(name), type=_int(name), metavar="N", **how)


def _add_int_list(added: Parser, name: str) -> None:
    added.add_argument(_flag(name), type=_ints(name), required=True, metavar="N[,N...]")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _int(name: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise NotANumberError(f"{name} must be a whole number: got {text[:40]!r}") from None

    return parse


def _ints(name: str) -> Callable[[str], list[int]]:
    def parse(text: str) -> list[int]:
        return [_int(name)(part) for part in text.split(",")]

    return parse


def _names(text: str) -> list[str]:
    return text.split(",")
