"""Pairs (noise, code) to train a velocity on: endless iterators of arrays [batch, d] in single precision.

independent: a code of its own for each noise. mini-batch: the independent pairs of one batch, in the order that is
optimal for this batch. of_map: noise x and T(x), with T the map to all training codes. Those that begin with `labelled`
give the class of the code as well.
"""
import numpy as np

try:
    import ot
except ImportError:  # SciPy solves the same problem
    ot = None
    from scipy.optimize import linear_sum_assignment

ASSIGNMENT = "POT" if ot else "SciPy"
BLOCK = 8  # batches for which the map is evaluated at once


def squared_distances(x, y):
    """[n, m], not below 0."""
    return np.maximum((x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1) - 2 * (x @ y.T), 0)


def assign(noise, code):
    """The rows of code [n, d] that optimal transport gives to the rows of noise [n, d], all of equal weight."""
    cost = squared_distances(noise.astype(np.float64), code.astype(np.float64))
    if ot is None:
        return linear_sum_assignment(cost)[1]
    weights = np.full(len(cost), 1 / len(cost))
    return ot.emd(weights, weights, cost).argmax(axis=1)


def draw(codes, batch, seed):
    """Noise [batch, d] and rows [batch] of codes, independent of each other."""
    rng = np.random.default_rng([seed, len(codes)])
    while True:
        yield rng.standard_normal((batch, codes.shape[1]), dtype=np.float32), rng.integers(0, len(codes), batch)


def independent(codes, batch, seed):
    for noise, rows in draw(codes, batch, seed):
        yield noise, codes[rows]


def mini_batch(codes, batch, seed):
    for noise, code in independent(codes, batch, seed):
        yield noise, code[assign(noise, code)]


def of_map(result, batch, seed):
    """Pairs of a result of brenier.solve."""
    for noise, code in result.couplings(BLOCK * batch, seed=seed):
        yield from zip(np.split(noise, BLOCK), np.split(code, BLOCK))


def labelled(codes, labels, batch, seed, optimal=False):
    """(noise, code, label) with independent pairs, or with the codes of a batch in optimal order, whatever their
    labels."""
    for noise, rows in draw(codes, batch, seed):
        chosen = rows[assign(noise, codes[rows])] if optimal else rows
        yield noise, codes[chosen], labels[chosen]


def labelled_map(result, labels, batch, seed):
    """(noise, T(noise), label of the target) of one map to all codes."""
    of_target = labels[result.row]
    for noise, code, index in result.couplings(BLOCK * batch, seed=seed, index=True):
        yield from zip(*(np.split(part, BLOCK) for part in (noise, code, of_target[index])))


def labelled_maps(maps, labels, batch, seed):
    """(noise, code, label) of one map for each class, maps[c] for class c: labels with the shares of the classes, noise
    that does not depend on them, and the code to which the map of the label moves the noise."""
    rng = np.random.default_rng([seed, len(maps)])
    while True:
        noise = rng.standard_normal((BLOCK * batch, maps[0].dim), dtype=np.float32)
        label = labels[rng.integers(0, len(labels), len(noise))]
        code = np.empty_like(noise)
        for c in np.unique(label):
            code[label == c] = maps[c].map(noise[label == c])
        yield from zip(*(np.split(part, BLOCK) for part in (noise, code, label)))
