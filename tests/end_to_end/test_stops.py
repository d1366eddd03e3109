"""Stops at safe points, in every phase: a checkpoint, and the same bits; or a result. tests/bench/stops.py does it 500
times."""
import pytest
from stopping import Problem


@pytest.mark.parametrize("name, ranks, points, last", [
    ("curves", 2, [3, 40], "60,1"),
    ("curves without a warm-up", 1, [2, 4], 7),
    ("curves on the cube", 1, [20], 3),
    ("passes", 1, [60, 5], "90,2"),
    ("from a result", 1, [4], 2),
    ("the plane", 1, [6, 5], 7),
    ("space", 2, [4], "3,1"),
    ("the circle", 1, [5, 4], 1),
    ("a line", 1, [1], 1),
    ("a line in space", 3, [2], 2),
])  # fmt: skip
def test_stopped_and_continued(tmp_path, name, ranks, points, last):
    problem = Problem(tmp_path, name, ranks)
    assert problem.stop_and_continue(points) > 0
    problem.stop_for_good(last)


def test_stopped_in_an_epoch_that_is_rejected(tmp_path):
    """The third epoch is rejected, by the measurement before it: heights and masses are those of its beginning."""
    assert Problem(tmp_path, "epochs that are rejected", 1).stop_and_continue([800], interval=1e6) == 1
