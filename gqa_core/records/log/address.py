"""The place of a run log: a file, or the URL of a database server. No sentence has its password."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gqa_core.records.log.errors import RunLogError

__all__ = ["ENVIRONMENT", "LogAddress", "is_url"]

ENVIRONMENT = "GQA_RUN_LOG"
EXAMPLE = "postgresql+psycopg://user@host/database"
DRIVER = "psycopg"
DRIVER_NAMES = {"postgres", "postgresql", "postgresql+psycopg"}


def is_url(text: str) -> bool:
    """True if the address of a log is a URL rather than the name of a file."""
    return "://" in text


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAddress:
    """The file of a log, or the URL of its database; `name` is how sentences call it."""

    name: str
    path: Path | None = None
    url: URL | None = None

    @classmethod
    def parse(cls, address: str | os.PathLike[str] | None) -> LogAddress:
        """The address given, or the environment's GQA_RUN_LOG, or a file in the user's data folder.

        Raises:
            ValueError: the address is an empty text.
            RunLogError: it is the URL of something that cannot be a log.
        """
        if address == "":
            raise ValueError("log must be the name of a file: got an empty one")
        address = address or os.environ.get(ENVIRONMENT) or _default_path()
        if isinstance(address, str) and is_url(address):
            return cls._from_url(address)
        return cls._from_path(Path(address))

    @classmethod
    def _from_path(cls, path: Path) -> LogAddress:
        return cls(name=str(path), path=path)

    @classmethod
    def _from_url(cls, text: str) -> LogAddress:
        scheme = text.partition("://")[0]
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):  # whose message may quote the password
            raise RunLogError(f"log must be a URL such as {EXAMPLE}: got one of {scheme}") from None
        if url.drivername == "sqlite" and url.database:
            return cls._from_path(Path(url.database))
        if url.drivername not in DRIVER_NAMES or not url.database:
            raise RunLogError(
                f"log must be a file or a URL such as {EXAMPLE}: got one of {scheme}"
                f"{' without a database' * (not url.database)}"
            )
        url = url.set(drivername=f"postgresql+{DRIVER}")
        name = url.set(query={}).render_as_string(hide_password=True)
        if importlib.util.find_spec(DRIVER) is None:
            raise RunLogError(
                f"log {name} needs the driver {DRIVER}: install it with "
                "pip install 'gqa-lab[postgres]'"
            )
        return cls(name=name, url=url)


def _default_path() -> Path:
    return Path(platformdirs.user_data_dir("gqa-lab", appauthor=False)) / "runs.sqlite"
