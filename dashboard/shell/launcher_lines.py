"""torchrun's own lines on stderr: log lines, then a traceback and a report when a rank has failed.

Ranks report by events and in sentences. No streamlit in this file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["LauncherLines"]

LOG_LINE = re.compile(r"[IWEF]\d{4} \d\d:\d\d:")  # as torch writes them: "W1129 14:34:37.21 ..."
TRACEBACK = "Traceback (most recent call last):"
ERROR_LINE = re.compile(r"[A-Za-z_.]+(Error|Exception): .+")


@dataclass(slots=True)
class LauncherLines:
    """Tells sentences from a launcher's lines; `error` is the first error that a traceback names.

    All that follows a traceback belongs to it.
    """

    error: str = ""
    is_report: bool = False

    def is_sentence(self, line: str) -> bool:
        """True if a rank wrote this line for people."""
        self.is_report = self.is_report or line.startswith(TRACEBACK)
        if self.is_report and not self.error and ERROR_LINE.fullmatch(line):
            self.error = line
        return not self.is_report and not LOG_LINE.match(line)
