#!/usr/bin/python3
"""Optimal transport with conditions, on eight Gaussians to two moons: what pairs of a global map do to conditional
training, and pairs of a map with conditions do not.

usage: analysis/conditions.py [-n N] [-o PICTURE]

A model that is trained on pairs (x, y) of noise and data with a condition c of y, and used on noise that is drawn
without regard to c, needs x to be independent of c. The pairs of the map from noise to all data are not: a target's
condition says where its cell lies. With conditions the source is the law of (x, c), x noise and c an independent
condition of the data, and targets are (y_i, c_i) at the cost |x - y|^2 + B |c - c'|^2. In the coordinates
(x, sqrt(B) c) this is the squared distance, and the source is a mixture of normal laws that have no width in c.

Prints, for each condition, how far the law of x in the pairs is from the source: the largest difference of distribution
functions along the two axes (Kolmogorov and Smirnov), and the share of pairs whose condition is that of their target.
"""
import argparse

import brenier
import numpy as np

RADIUS, DEVIATION = 3.0, 0.3  # of the eight Gaussians


def moons(n, rng):
    """Points [n, 2] of two half circles, and which of the two each is on."""
    label = np.arange(n) % 2
    t = np.pi * rng.random(n)
    y = np.stack([np.cos(t), np.sin(t)], axis=1)
    y[label == 1] = [1, 0.5] - y[label == 1]
    return 2 * (y + 0.05 * rng.standard_normal((n, 2)) - [0.5, 0.25]), label


def eight():
    """Weights and means of the eight Gaussians."""
    t = np.arange(8) * np.pi / 4
    return np.full(8, 1 / 8), RADIUS * np.stack([np.cos(t), np.sin(t)], axis=1)


def with_conditions(weight, mean, deviation, condition, share, B):
    """Components of (x, sqrt(B) c): x of the mixture, c one of the conditions [K, dc] by their shares [K]."""
    c = np.sqrt(B) * condition
    pairs = [np.repeat(mean, len(c), axis=0), np.tile(c, (len(mean), 1))]
    dim, columns = mean.shape[1], c.shape[1]
    factor = np.vstack([deviation * np.eye(dim), np.zeros((columns, dim))])
    return {"weight": np.outer(weight, share).ravel(), "mean": np.hstack(pairs), "factor": factor}


def pairs_of(result, batch, seed):
    """Noise and index of the target of some pairs."""
    noise, _, index = next(result.couplings(batch, seed=seed, index=True, dtype=np.float64))
    return noise, index


def furthest(x, other):
    """Largest difference of distribution functions of two samples along the axes."""
    from scipy.stats import ks_2samp

    return max(ks_2samp(x[:, k], other[:, k]).statistic for k in range(2))


def report(name, x, label, agree):
    for c in range(2):
        print(f"{name:20s} condition {c}: x given c is {furthest(x[label == c], x):.3f} from the source; "
              f"{100 * agree.mean():.1f}% of pairs keep their condition")  # fmt: skip


def draw(panels, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(panels), figsize=(5 * len(panels), 5), sharex=True, sharey=True)
    for axis, (title, x, y, label) in zip(axes, panels):
        for c, colour in ((0, "tab:blue"), (1, "tab:orange")):
            own = np.flatnonzero(label == c)[:150]
            axis.plot([x[own, 0], y[own, 0]], [x[own, 1], y[own, 1]], color=colour, lw=0.3)
            axis.plot(x[own, 0], x[own, 1], ".", color=colour, ms=3)
            axis.plot(y[own, 0], y[own, 1], "o", color=colour, ms=3)
        axis.set_title(title)
        axis.set_aspect("equal")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-n", type=int, default=400, help="number of targets")
    parser.add_argument("-B", type=float, default=100.0, help="weight of the conditions in the cost")
    parser.add_argument("-o", default="conditions.png", help="picture to write")
    a = parser.parse_args()
    y, label = moons(a.n, np.random.default_rng(1))
    weight, mean = eight()
    whole = brenier.solve(y, source="mixture", ranks=1, progress=False,
                          source_file={"weight": weight, "mean": mean, "factor": DEVIATION * np.eye(2)})  # fmt: skip
    x, index = pairs_of(whole, 20000, 1)
    report("global map", x, label[index], np.ones(len(x)))
    c = np.array([[0.0], [1.0]])
    source = with_conditions(weight, mean, DEVIATION, c, np.full(2, 0.5), a.B)
    targets = np.hstack([y, np.sqrt(a.B) * label[:, None]])
    each = brenier.solve(targets, source="mixture", ranks=1, progress=False, source_file=source)
    noise, index_c = pairs_of(each, 20000, 2)
    own = np.rint(noise[:, 2] / np.sqrt(a.B)).astype(int)
    report("map with conditions", noise[:, :2], own, own == label[index_c])
    draw([("global map: pairs, coloured by condition", x, y[index], label[index]),
          ("map with conditions", noise[:, :2], y[index_c], own)], a.o)  # fmt: skip


if __name__ == "__main__":
    main()
