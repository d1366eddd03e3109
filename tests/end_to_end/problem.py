"""The problem that the tests solve."""
import numpy as np

CURVES = 20000


def mixture(n, dim, seed):
    """Clusters of unequal width, the kind of data codes are."""
    rng = np.random.default_rng(seed)
    centre = 2 * rng.standard_normal((5, dim))
    width = rng.uniform(0.1, 1.0, 5)
    label = rng.integers(0, 5, n)
    return centre[label] + width[label, None] * rng.standard_normal((n, dim))
