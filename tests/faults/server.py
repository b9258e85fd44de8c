"""A server's queue without its pages: runs follow each other, and each record is written down."""

import sys
import time

from dashboard.shell.job_queue import JobQueue


def main(prefix: str) -> None:
    queue = JobQueue(command=[sys.executable, "-m", "tests.faults.child"])
    for number in range(1000):
        run = queue.get(queue.submit([f"{prefix}-{number}"]))
        assert run is not None
        n_written = 0
        while run.is_active or n_written < len(run.records):
            for record in run.records[n_written:]:
                print(record.run_id, record.point, flush=True)
                n_written += 1
            time.sleep(0.005)
        print("ended", run.state, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
