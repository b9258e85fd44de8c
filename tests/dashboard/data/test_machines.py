"""Machines side by side: the newest usable time per point, and the median of shared ones."""

from dashboard.data.machines import MachinePoints, machine_rows, newest_points


def machine(name, **attend_s):
    return MachinePoints(name=name, n_records=len(attend_s), attend_s=attend_s)


def test_the_newest_usable_time_of_a_point_counts():
    rows = [("a", 1.0, "unusable"), ("a", 2.0, "noisy"), ("a", 3.0, "quiet"), ("b", 4.0, "quiet")]
    assert newest_points(rows) == {"a": 2.0, "b": 4.0}


def test_each_machine_stands_beside_the_first():
    first = machine("node1", a=1.0, b=2.0, c=4.0)
    slower = machine("node2", a=1.5, b=2.0, c=8.0, d=1.0)
    other = machine("node3", d=1.0)
    rows = machine_rows([first, slower, other])
    assert [(row.n_shared, row.ratio) for row in rows] == [(3, 1.0), (3, 1.5), (0, None)]
    assert machine_rows([]) == []
