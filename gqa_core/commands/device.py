"""device: where measurements would run."""

from __future__ import annotations

import argparse
import json
import sys

from gqa_core import units


def device(arguments: argparse.Namespace) -> int:
    """Print the device measurements would run on."""
    from gqa_core.measure.device import survey

    try:
        answer = survey(arguments.device)
    except RuntimeError as error:
        print(f"the device cannot be looked at: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(answer))
        return 0
    print(f"{answer['name']} ({answer['type']}, {answer['n_threads']} CPU threads)")
    print(f"{units.capacity(answer['free_bytes'])} free, torch {answer['torch_version']}")
    return 0
