"""Stands in for `python -m gqa_core bench`: a worker per point, the log, one line per record.

The queue, the workers and the log are the program's own; nothing is timed, so that a point takes
milliseconds and a kill meets every moment of a run.
"""

import sys

from gqa_core.records.kinds import encode_record
from gqa_core.records.run_log import RunLog
from gqa_core.runner.workers import Workers
from gqa_core.server_watch import watch_server
from tests.records import fake_records


def main(run_id: str) -> None:
    watch_server()
    log, workers = RunLog(), Workers(preload="tests.runner.worker_tasks")
    log.validate_writable()
    for index in range(1000):
        workers.call("tests.runner.worker_tasks", "own_pid")
        record = fake_records.record(index=index, run_id=run_id)
        log.append(record)
        print(encode_record(record), flush=True)  # acknowledged from here on


if __name__ == "__main__":
    main(sys.argv[1])
