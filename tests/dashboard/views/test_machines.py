"""The table of machines on the page of runs."""

import pytest
from msgspec import structs

from tests.dashboard.page_probe import lazy_expander, small_tables
from tests.records import fake_records as samples


@pytest.mark.parametrize("n_machines", [1, 2])
def test_the_page_of_runs_lists_machines_where_there_are_several(opened, log, n_machines):
    for number in range(n_machines):
        seconds = (0.002 * (number + 1),) * 3
        record = samples.record(run_id=f"run-{number}", attend=seconds)
        device = structs.replace(record.device, machine=f"node{number}")
        log.append(structs.replace(record, device=device))
    app = opened("runs")
    assert not app.exception
    if n_machines == 1:
        assert "Machines side by side" not in [each.label for each in app.expander]
        return
    (table,) = small_tables(lazy_expander(app, "machines"))
    assert [row["Machine"] for row in table] == [
        "A CPU, 2 threads, node0",
        "A CPU, 2 threads, node1",
    ]
    assert [row["Attend time / first"] for row in table] == ["1x", "2x"]
