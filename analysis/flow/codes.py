"""Codes of a study: read from a file, split into training and held-out codes, scaled by one number.

A held-out code is a row that no pair and no map has seen. The split depends on the number of rows alone.
"""
import os
from dataclasses import dataclass

import numpy as np
from brenier.errors import BadFile
from brenier.files import read_dataset, split_place

SPLIT_SEED = 0
HELD_OUT_SHARE = 6  # one row of so many is held out


@dataclass
class Codes:
    """training: [n, d] f4, held_out: [m, d] f4: (row - mean) / scale, so that their mean variance is 1; mean: [d];
    training_labels, held_out_labels: [n], [m] int64 from 0 on, or None."""

    training: np.ndarray
    held_out: np.ndarray
    mean: np.ndarray
    scale: float
    training_labels: "np.ndarray | None" = None
    held_out_labels: "np.ndarray | None" = None

    @property
    def dim(self):
        return self.training.shape[1]


def read_array(place):
    """The array of a place `file.npy` or `file.h5:/dataset`."""
    path, name = split_place(place)
    if not os.path.exists(path):
        raise BadFile(f"{path} is not there; ./quickstart makes out/quickstart/codes.h5, or --codes names another file")
    return np.load(path) if name is None and path.endswith(".npy") else read_dataset(place)


def read_rows(place, labels, count):
    """The first `count` rows [n, d], and their labels from 0 on or None."""
    rows = np.asarray(read_array(place), dtype=np.float64)[:count]
    if rows.ndim != 2 or len(rows) < 2 * HELD_OUT_SHARE:
        raise BadFile(f"{place} has shape {list(rows.shape)}; needed are at least {2 * HELD_OUT_SHARE} codes, [n, d]")
    if not np.isfinite(rows).all():
        raise BadFile(f"{place}: row {np.argmin(np.isfinite(rows).all(axis=1))} has a number that is not finite")
    if labels is None:
        return rows, None
    read = np.asarray(read_array(labels))[:count]
    if read.shape != (len(rows),):
        raise BadFile(f"{labels} has shape {list(read.shape)}, but {place} has {len(rows)} codes")
    return rows, np.unique(read, return_inverse=True)[1]


def read_codes(place, labels=None, count=None):
    """Codes and labels of two places, split and scaled."""
    rows, classes = read_rows(place, labels, count)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(rows))
    held_out, training = np.split(order, [len(rows) // HELD_OUT_SHARE])
    mean = rows[training].mean(axis=0)
    scale = float(np.sqrt(rows[training].var(axis=0).mean())) or 1.0
    scaled = ((rows - mean) / scale).astype(np.float32)
    parts = (None, None) if classes is None else (classes[training], classes[held_out])
    return Codes(scaled[training], scaled[held_out], mean, scale, *parts)
