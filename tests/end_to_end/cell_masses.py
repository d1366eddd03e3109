"""Masses of single Laguerre cells among many targets, by code that shares nothing with Brenier.

A cell starts as the box of the source. The target whose plane is highest above that of the cell at some corner cuts it,
until no plane is above at any corner: no hull, no list of neighbours. Heights are /heights + /heights_low. Differences
of heights and planes about a point inside the cell are made in extended precision (64 bits), so that a cell of width w
between targets delta apart is off by 1e-19 / (delta w) at most.
"""
import numpy as np
from scipy.spatial import ConvexHull, HalfspaceIntersection, QhullError

LONG = np.longdouble
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)
NODES, WEIGHTS = 0.5 * (NODES + 1), 0.5 * WEIGHTS
REACH = {"cube": 0.5, "gaussian": 9.0}  # beyond it the normal law has 2e-19


def planes(y, high, low, i, centre):
    """a and b of the constraints <x - centre, a_j> <= b_j of cell i, and b as it was before rounding to doubles."""
    a = y.astype(LONG) - y[i]
    b = (LONG(high[i]) - high.astype(LONG)) + (LONG(low[i]) - low.astype(LONG))
    return a, b - a @ centre.astype(LONG)


def _clip(corner, a, b):
    """A convex polygon, its part where <x, a> <= b."""
    s, kept = corner @ a - b, []
    for k in range(len(corner)):
        m = (k + 1) % len(corner)
        if s[k] <= 0:
            kept.append(corner[k])
        if (s[k] <= 0) != (s[m] <= 0):
            kept.append(corner[k] + s[k] / (s[k] - s[m]) * (corner[m] - corner[k]))
    return np.array(kept)


def polygon(y, high, low, i, centre, source):
    """Corners of cell i of the plane, from a point near it on."""
    a, b = planes(y, high, low, i, centre)
    small, at = a.astype(float), b.astype(float)
    half = REACH[source]
    corner = np.array([[-half, -half], [half, -half], [half, half], [-half, half]], LONG) - centre.astype(LONG)
    size = np.hypot(small[:, 0], small[:, 1])
    for _ in range(1000):
        x = corner.astype(float)
        above = small @ x.T - at[:, None]
        above -= 1e-14 * (np.abs(at)[:, None] + size[:, None] * np.hypot(x[:, 0], x[:, 1]))
        above[i] = -1
        j = np.unravel_index(np.argmax(above / np.maximum(size, 1e-300)[:, None]), above.shape)[0]
        if above[j].max() <= 0:
            return corner
        corner = _clip(corner, a[j], b[j])
        if len(corner) < 3:
            return corner[:0]
    raise RuntimeError("a cell with a thousand sides")


def _normal(centre, triangle):
    """Mass of a triangle under the normal law, by a product rule on parts no larger than a half."""
    side = max(float(np.linalg.norm(triangle[k] - triangle[k - 1])) for k in range(3))
    if side > 0.5:
        m = [0.5 * (triangle[k] + triangle[(k + 1) % 3]) for k in range(3)]
        parts = [[triangle[0], m[0], m[2]], [triangle[1], m[1], m[0]], [triangle[2], m[2], m[1]], m]
        return sum(_normal(centre, p) for p in parts)
    p, q = triangle[1] - triangle[0], triangle[2] - triangle[0]
    s, t = NODES[:, None], NODES[None, :]
    x = [float(centre[k] + triangle[0][k]) + s * (float(p[k]) * (1 - t) + float(q[k]) * t) for k in range(2)]
    density = np.exp(-0.5 * (x[0] ** 2 + x[1] ** 2)) / (2 * np.pi)
    return float(p[0] * q[1] - p[1] * q[0]) * float(np.sum(WEIGHTS[:, None] * WEIGHTS * s * density))


def plane_mass(y, high, low, i, centre, source):
    corner = polygon(y, high, low, i, centre, source)
    if len(corner) == 0:
        return 0.0
    middle = corner.mean(0)
    fan = [(middle, corner[k], corner[(k + 1) % len(corner)]) for k in range(len(corner))]
    if source == "cube":
        return float(sum((q - p)[0] * (r - p)[1] - (q - p)[1] * (r - p)[0] for p, q, r in fan) / 2)
    return sum(_normal(centre, t) for t in fan)


def space_mass(y, high, low, i, centre):
    """Volume of cell i of the cube in space; the centre is inside it."""
    a, b = planes(y, high, low, i, centre)
    half = [LONG(0.5) - centre.astype(LONG), LONG(0.5) + centre.astype(LONG)]
    a = np.concatenate([a, np.eye(3), -np.eye(3)]).astype(float)
    b = np.concatenate([b, *half]).astype(float)
    size = np.linalg.norm(a, axis=1)
    size[i], b[i] = 1, np.inf
    order = np.argsort(b / size)[:400]
    scale = b[order[0]] / size[order[0]]
    faces = np.column_stack([a[order] / size[order, None], -(b / size / scale)[order]])
    try:
        corner = HalfspaceIntersection(faces, np.zeros(3)).intersections
    except QhullError:
        return float("nan")
    above = (corner @ a.T) * scale - b
    assert np.max(above / size) <= 1e-12 * np.abs(corner).max() * scale, "more than 400 planes count"
    return ConvexHull(corner).volume * scale**3


def errors(result, source, cells):
    """w_i / nu_i - 1 of some cells of a result file: a dictionary of its datasets."""
    y, high, nu, b = (result[name] for name in ("targets", "heights", "weights", "barycenter"))
    low = result["heights_low"] if "heights_low" in result else np.zeros_like(high)
    if y.shape[1] == 3:
        return np.array([space_mass(y, high, low, i, b[i].astype(float)) / nu[i] - 1 for i in cells])
    return np.array([plane_mass(y, high, low, i, b[i].astype(float), source) / nu[i] - 1 for i in cells])
