"""Score cells: a row per step with a cache, the whole triangle without, and their sums."""

import pytest

from gqa_core.theory.score_cells import step_cells, total_cells


def test_the_fourth_step_is_a_row_of_4_or_a_triangle_of_10():
    # 1 + 2 + 3 + 4 = 10; over four steps 1 + 3 + 6 + 10 = 20
    assert (step_cells(4, cached=True), step_cells(4, cached=False)) == (4, 10)
    assert (total_cells(4, cached=True), total_cells(4, cached=False)) == (10, 20)


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("n", [1, 2, 17, 1024])
def test_a_total_is_the_sum_of_its_steps(n, cached):
    assert total_cells(n, cached=cached) == sum(
        step_cells(step, cached=cached) for step in range(1, n + 1)
    )


@pytest.mark.parametrize("n", [0, -1, 2.0, True])
def test_a_step_is_a_positive_number(n):
    for cells in (step_cells, total_cells):
        with pytest.raises(ValueError, match="n must be"):
            cells(n, cached=True)
