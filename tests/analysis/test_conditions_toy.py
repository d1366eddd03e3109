"""Pairs of noise and two moons: given the condition, the noise has the law of the source where the map has conditions,
and another one where it has none.

The bound of the largest difference D of distribution functions: m points of one law have D > 2.69 / sqrt(m) with a
probability below 1e-6 (Dvoretzky, Kiefer, Wolfowitz and Massart), here eight times.
"""
import brenier
import conditions
import numpy as np
import pytest
from scipy.stats import kstest, norm

N = 200


@pytest.fixture(scope="module")
def maps():
    """Targets' labels; pairs of noise, condition and target of the global map, and of the map with conditions."""
    y, label = conditions.moons(N, np.random.default_rng(1))
    weight, mean = conditions.eight()
    noise = {"source": "mixture", "source_file": {"weight": weight, "mean": mean,
                                                  "factor": conditions.DEVIATION * np.eye(2)}}  # fmt: skip
    whole = brenier.solve(y, ranks=1, progress=False, **noise)
    x, _, index = next(whole.couplings(20000, seed=1, index=True))
    each = brenier.solve(y, conditions=label, condition_weight=100.0, ranks=1, progress=False, **noise)
    return (x, label[whole.row[index]]), next(each.couplings(20000, seed=2, index=True)), label[each.row]


def distance(x, axis):
    """From the law of the source along an axis: that of a mixture of eight normal laws."""
    weight, mean = conditions.eight()
    return kstest(x[:, axis], lambda t: norm.cdf(t[:, None], mean[:, axis], conditions.DEVIATION) @ weight).statistic


def test_noise_of_a_global_map_depends_on_the_condition(maps):
    (x, condition), _, _ = maps
    for c in range(2):
        assert max(distance(x[condition == c], axis) for axis in range(2)) > 0.2


def test_noise_of_a_map_with_conditions_does_not(maps):
    """Given the condition of the noise, which is independent by its making, and given that of the target, which differs
    in less than 1% of the pairs: that moves a distribution function by 0.02 at most."""
    _, (x, _, condition, index), of_target = maps
    wanted = of_target[index]
    assert np.mean(condition[:, 0] == wanted) > 0.99
    for c in range(2):
        for given, bound in ((condition[:, 0], 0.0), (wanted, 0.02)):
            own = x[given == c]
            assert max(distance(own, axis) for axis in range(2)) < bound + 2.69 / np.sqrt(len(own))
