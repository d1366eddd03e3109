"""Masses of Laguerre cells by code that shares nothing with Brenier: no hull, no edge sums, no neighbours."""
import numpy as np
from scipy.special import ndtr

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)


def _lowest(slope, level):
    """Lower envelope of the lines slope x + level: the lines on it, from the left, and where each begins."""
    order = np.lexsort((level, -slope))  # from the left the steepest is the lowest
    kept, start = [], []
    for i in order:
        if kept and slope[i] == slope[kept[-1]]:
            continue
        while kept:
            at = (level[i] - level[kept[-1]]) / (slope[kept[-1]] - slope[i])
            if at > start[-1]:
                break
            kept.pop(), start.pop()
        start.append(at if kept else -np.inf)
        kept.append(i)
    return np.array(kept), np.array(start)


def plane_mass(y, h, i, source):
    """Mass of cell i in the plane: a one-dimensional integral of what the law has between two envelopes of lines."""
    a, b = np.delete(y, i, 0) - y[i], h[i] - np.delete(h, i)
    reach = 0.5 if source == "cube" else 12.0
    low, high = -reach, reach
    for c, e in zip(a[a[:, 1] == 0], b[a[:, 1] == 0]):
        if c[0] > 0:
            high = min(high, e / c[0])
        elif c[0] < 0:
            low = max(low, e / c[0])
    above, below = a[:, 1] > 0, a[:, 1] < 0
    slope_top = np.append(-a[above, 0] / a[above, 1], 0.0)
    level_top = np.append(b[above] / a[above, 1], reach)
    slope_bottom = np.append(-a[below, 0] / a[below, 1], 0.0)
    level_bottom = np.append(b[below] / a[below, 1], -reach)
    top, top_from = _lowest(slope_top, level_top)
    bottom, bottom_from = _lowest(-slope_bottom, -level_bottom)
    breaks = np.unique(np.clip(np.concatenate([[low, high], top_from[1:], bottom_from[1:]]), low, high))
    # Where top and bottom cross, and panels no wider than a quarter
    cuts = [breaks[:1]]
    for s, e in zip(breaks[:-1], breaks[1:]):
        x = 0.5 * (s + e)
        t, u = top[np.searchsorted(top_from, x) - 1], bottom[np.searchsorted(bottom_from, x) - 1]
        slope = slope_top[t] - slope_bottom[u]
        at = (level_bottom[u] - level_top[t]) / slope if slope else s
        inner = [at] if s < at < e else []
        inner += list(np.linspace(s, e, int(np.ceil(4 * (e - s))) + 1)[1:])
        cuts.append(np.unique(inner))
    cuts = np.concatenate(cuts)
    half, middle = np.diff(cuts)[:, None] / 2, (cuts[1:] + cuts[:-1])[:, None] / 2
    x = middle + half * NODES
    t = top[np.searchsorted(top_from, x) - 1]
    u = bottom[np.searchsorted(bottom_from, x) - 1]
    upper = slope_top[t] * x + level_top[t]
    lower = slope_bottom[u] * x + level_bottom[u]
    inside = upper > lower
    if source == "cube":
        value = np.where(inside, upper - lower, 0.0)
    else:
        # On the side where both are small numbers
        flip = upper + lower > 0
        value = np.where(flip, ndtr(-lower) - ndtr(-upper), ndtr(upper) - ndtr(lower))
        value = np.where(inside, value, 0.0) * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    return float(np.sum(half * WEIGHTS * value))


def counted(y, h, n, seed, source="gaussian"):
    """Points of n that fall into each cell, counted in double with differences taken first."""
    count, rng, dim = np.zeros(len(y)), np.random.default_rng(seed), y.shape[1]
    for _ in range(0, n, 20000):
        x = rng.uniform(-0.5, 0.5, (20000, dim)) if source == "cube" else rng.standard_normal((20000, dim))
        if source in ("sphere", "ball", "spherical"):
            x /= np.linalg.norm(x, axis=1)[:, None]
        if source in ("ball", "spherical"):
            x *= rng.uniform(0, 1, (20000, 1)) ** (1 / dim if source == "ball" else 1)
        if source == "student":
            x *= np.sqrt(5 / rng.chisquare(5, (20000, 1)))
        count += np.bincount(np.argmax(x @ (y - y[0]).T + (h - h[0]), axis=1), minlength=len(y))
    return count
