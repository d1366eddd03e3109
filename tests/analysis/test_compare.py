"""What compare.py measures is what it says, on potentials that are known; its table and figure are made."""
import compare
import matplotlib.image
import numpy as np
import pytest

Y = np.array([[-1.0, 0.0], [1.0, 0.0]])  # N(0, I) goes to the sign of its first coordinate
MEAN = np.sqrt(2 / np.pi)  # of |x_1|
TRUTH = 0.5 * (2 + 1) - MEAN


def test_measures_of_the_exact_map():
    found = compare.measure(Y, np.zeros(2), 0.0, 400000)
    assert found["rho"] < found["least"] and found["blur"] == 0
    assert found["dual"] == pytest.approx(TRUTH, abs=0.01) and found["cost"] == pytest.approx(found["dual"], abs=1e-12)


def test_measures_of_a_wrong_potential():
    """Raised by 0.2: the border moves to -0.1, masses are 0.46 and 0.54, the dual falls."""
    found = compare.measure(Y, np.array([0.0, 0.2]), 0.0, 400000)
    assert found["rho"] == pytest.approx(2 * 0.0398, rel=0.05)
    assert found["dual"] < TRUTH - 1e-3 and found["cost"] > found["dual"]


def test_blur_of_a_plan():
    """At a large epsilon every point goes to both with even chances: blur is their distance from the middle."""
    found = compare.measure(Y, np.zeros(2), 1e6, 1000)
    assert found["blur"] == pytest.approx(1, rel=1e-6)
    assert found["rho"] < 1e-3


def test_table_and_figure(tmp_path):
    y = compare.plane_targets.moons(40, np.random.default_rng(2))[0]
    rows = [{"method": name, "seconds": 1.0, "memory": 1e8, "potential": np.zeros(40), "epsilon": 0.1 * (k % 2),
             **compare.measure(y, np.zeros(40), 0.0, 2000)} for k, name in enumerate(compare.IN_FIGURE)]  # fmt: skip
    compare.write_table(tmp_path / "t.md", {"moons": rows})
    assert (tmp_path / "t.md").read_text().count("\n| ") == 1 + len(rows)
    compare.save(compare.draw({"moons": rows, "deep": rows}, {"moons": y, "deep": np.zeros((40, 3))}),
                 tmp_path / "f.png")
    assert len(np.unique(matplotlib.image.imread(tmp_path / "f.png"))) > 2


def test_methods_agree_with_the_linear_program(tmp_path):
    """POT's solvers, each a process of its own; all leave potentials of nearly the same masses."""
    np.save(tmp_path / "y.npy", Y)
    for method, parameter in (("emd", 0.0), ("sinkhorn", 0.05), ("asgd", 0.05)):
        dual, epsilon, seconds, memory = compare.solve_pot(str(tmp_path), str(tmp_path / "y.npy"), method, parameter,
                                                           400)
        assert compare.measure(Y, dual, epsilon, 20000)["rho"] < 0.2
        assert epsilon == parameter and seconds > 0 and memory > 1e7


def test_refuses_a_missing_program(tmp_path, capsys):
    assert compare.main(["-program", str(tmp_path / "gone"), "-o", str(tmp_path / "f.png")]) == 3
    assert "no such program" in capsys.readouterr().err
