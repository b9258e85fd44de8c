"""`python -m tests.hostile [SHARE]`: the table of hostile inputs; exit code 1 if any is a fault."""

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

        counts = [*try_kinds(share, seed=18)]
        counts.append(try_links(max(int(N_LINKS * share), 12), seed=18))
    print("\n".join(lines(counts)))
    return int(any(each.n_faults for each in counts))


if __name__ == "__main__":
    sys.exit(main())
