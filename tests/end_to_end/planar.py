"""Areas of the Laguerre cells of points in the plane, by clipping a square: an oracle without sampling."""
import numpy as np


def clip(polygon, normal, offset):
    """The part of a convex polygon (corners in order) where <x, normal> <= offset."""
    value = polygon @ normal - offset
    corners = []
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        if value[i] <= 0:
            corners.append(polygon[i])
        if (value[i] < 0 < value[j]) or (value[j] < 0 < value[i]):
            corners.append(polygon[i] + (polygon[j] - polygon[i]) * value[i] / (value[i] - value[j]))
    return np.array(corners).reshape(-1, 2)


def area(polygon):
    """The shoelace formula."""
    x, y = polygon.T
    return 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))


def cell_areas(y, h):
    """Areas of W_i = {x in [-1/2, 1/2]^2: <x, y_i> + h_i is largest}; they sum to 1."""
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    areas = np.zeros(len(y))
    for i in range(len(y)):
        cell = square
        for j in range(len(y)):
            if i != j and len(cell):
                cell = clip(cell, y[j] - y[i], h[i] - h[j])
        areas[i] = area(cell) if len(cell) else 0.0
    return areas
