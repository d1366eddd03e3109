#!/usr/bin/python3
"""Optimal transport with conditions, on eight Gaussians to two moons: what pairs of a global map do to conditional
training, and pairs of a map with conditions do not.

usage: analysis/conditions.py [-n N] [-o PICTURE]

A model that is trained on pairs (x, y) of noise and data with a condition c of y, and used on noise that is drawn
without regard to c, needs x to be independent of c. The pairs of the map from noise to all data are not: a target's
condition says where its cell lies. With conditions the source is the law of (x, c), x noise and c an independent
condition of the data, and targets are (y_i, c_i) at the cost |x - y|^2 + B |c - c'|^2.

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
    noise = {"source": "mixture", "source_file": {"weight": weight, "mean": mean, "factor": DEVIATION * np.eye(2)}}
    whole = brenier.solve(y, ranks=1, progress=False, **noise)
    x, _, index = next(whole.couplings(20000, seed=1, index=True))
    report("global map", x, label[index], np.ones(len(x)))
    each = brenier.solve(y, conditions=label, condition_weight=a.B, ranks=1, progress=False, **noise)
    x_c, _, condition, index_c = next(each.couplings(20000, seed=2, index=True))
    own = condition[:, 0].astype(int)
    report("map with conditions", x_c, own, own == label[index_c])
    draw([("global map: pairs, coloured by condition", x, y[index], label[index]),
          ("map with conditions", x_c, y[index_c], own)], a.o)  # fmt: skip


if __name__ == "__main__":
    main()
