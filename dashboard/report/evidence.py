"""The kinds of evidence that a number on a page can have, each with a sentence."""

from __future__ import annotations

from collections.abc import Mapping

EVIDENCE: Mapping[str, str] = {
    "formula": "Computed from the settings; drawn as a line.",
    "measured here": "Timed or counted on this machine; drawn as markers with spread.",
    "fit": "A power of n fitted to measured points; drawn as a line through them.",
    "measured elsewhere": "A record of another machine; drawn as open markers with a dot.",
    "published": "Published by the source that is named; drawn as open markers or a dashed bound.",
}
