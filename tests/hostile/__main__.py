"""`python -m tests.hostile [SHARE]`: the table of hostile inputs; exit code 1 if any is a fault."""

import itertools
import logging
import os
import sys
import tempfile

from tests.hostile.table import lines, try_kinds

logging.disable(logging.WARNING)
N_LINKS = 600


def main() -> int:
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory(prefix="gqa-hostile-") as folder:
        os.environ["GQA_RUN_LOG"] = f"{folder}/runs.sqlite"
        from tests.hostile.links import try_links  # reads the environment

        links = (try_links(max(int(N_LINKS * share), 12), seed=18) for _ in range(1))
        all_counts, shown = itertools.tee(itertools.chain(try_kinds(share, seed=18), links))
        for line in lines(shown):
            print(line, flush=True)
    return int(any(counts.n_faults for counts in all_counts))


if __name__ == "__main__":
    sys.exit(main())
