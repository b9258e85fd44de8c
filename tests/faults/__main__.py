"""`python -m tests.faults [KILLS]`: the table of kills."""

import sys

from tests.faults.kills import kill_series, lines

for line in lines(kill_series(int(sys.argv[1]) if len(sys.argv) > 1 else 500, seed=18)):
    print(line, flush=True)
