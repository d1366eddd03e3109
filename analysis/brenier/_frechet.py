"""brenier.frechet: the Frechet distance of two sets of features, by `brenier frechet`."""
import os
import shutil
import tempfile
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from ._arrays import absolute, check_matrix, is_place, to_numpy
from ._program import choose_ranks
from ._run import run
from .errors import BadInput


@dataclass(frozen=True)
class Frechet:
    """Frechet distance (FID when features are Inception's). value: of these rows; extrapolated: of the laws behind
    them, without the bias of order 1/n; low, high: its 95% interval; error: its standard error. float() gives the
    value."""

    value: float
    extrapolated: Optional[float]
    low: Optional[float]
    high: Optional[float]
    error: Optional[float]

    def __float__(self):
        return self.value


def frechet(a: Any, b: Any, *, splits: int = 8, seed: int = 1, ranks: Optional[int] = None) -> Frechet:
    """The Frechet distance of features a [m, p] and b [n, p], arrays, tensors or places, with a 95% interval from
    `splits` random halvings (0 for none). Raises a BrenierError with the program's sentence."""
    folder = tempfile.mkdtemp(prefix="brenier-")
    try:
        places, numbers, spoken, columns = [], 0, [], None
        for name, value in (("a", a), ("b", b)):
            if is_place(value):
                places.append(absolute(value))
                continue
            array = to_numpy(value, name)
            check_matrix(array, name)
            if columns not in (None, array.shape[1]):
                raise BadInput(f"a has {columns} columns, but b has {array.shape[1]}")
            columns = array.shape[1]
            places.append(os.path.join(folder, f"{name}.npy"))
            np.save(places[-1], array)
            spoken.append((places[-1], name))
            numbers += array.size
        done = run(["frechet", *places, "-splits", splits, "-seed", seed], ranks=choose_ranks(ranks, None, numbers),
                   folder=folder, names=spoken)  # fmt: skip
        event = done.last["frechet"]
        rest = [event.get(name) if splits else None for name in ("extrapolated", "low", "high", "error")]
        return Frechet(float(event["value"]), *rest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
