"""The model that an argument of a command describes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gqa_core.commands.files import file_size, open_input, reading

if TYPE_CHECKING:
    from gqa_core.hf_config.parse import ParsedConfig


def described_model(path: str, *, mtp: bool = False) -> ParsedConfig:
    """The model of a config.json, its folder, a GGUF file or the text of ollama show; - is stdin.

    `mtp` counts the layers of a config that predict more tokens.

    Raises:
        ValueError: the description is not understood.
        FileAccessError: a file cannot be read.
    """
    from gqa_core.model_files.read import read_folder, read_model_file

    with reading(path):
        if Path(path).is_dir():
            return read_folder(Path(path), mtp=mtp)
        with open_input(path) as source:
            return read_model_file(source, file_size(source), mtp=mtp)
