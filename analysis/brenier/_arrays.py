"""Arrays of the caller's: NumPy or torch, checked, made files of, and given back as what they were. torch only if
there."""
import os
import sys

import numpy as np

from .errors import BadInput
from .files import split_place

REAL = "fiub"  # kinds of NumPy types that are real numbers


def is_tensor(x) -> bool:
    """Whether x is a torch tensor; does not import torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def to_numpy(x, name: str) -> np.ndarray:
    """x as an array of real numbers on the CPU, without a copy where there need not be one. Raises BadInput."""
    if is_tensor(x):
        x = x.detach()
        if str(x.dtype) == "torch.bfloat16":
            x = x.float()
        x = x.resolve_neg().cpu() if not x.is_complex() else x.cpu()
        x = x.numpy()
    try:
        array = np.asarray(x)
    except ValueError:
        raise BadInput(f"{name} has rows of different lengths") from None
    if array.dtype.kind not in REAL:
        raise BadInput(f"{name} is of type {array.dtype}; it is to hold real numbers")
    return array


def check_matrix(array: np.ndarray, name: str, dim=None):
    """Raises BadInput unless the array has shape [n, d], n and d at least 1 (d as said), and finite numbers."""
    if array.ndim != 2:
        raise BadInput(f"{name} has shape {list(array.shape)}; it is to be [n, d], one row a point")
    if 0 in array.shape:
        raise BadInput(f"{name} has shape {list(array.shape)}, so it is empty")
    if dim is not None and array.shape[1] != dim:
        raise BadInput(f"{name} has {array.shape[1]} columns, but the dimension is {dim}")
    check_finite(array, name)


def check_finite(array: np.ndarray, name: str):
    """Raises BadInput that names the first row with a number that is not finite."""
    rows = max(1, (1 << 20) // max(1, array[0].size if len(array) else 1))  # bounds the memory of the answer
    if array.dtype.kind != "f":
        return
    for first in range(0, len(array), rows):
        bad = ~np.isfinite(array[first : first + rows])
        if bad.any():
            raise BadInput(f"{name}: row {first + int(np.argwhere(bad)[0][0])} has a number that is not finite")


def check_weights(array: np.ndarray, n: int):
    """Raises BadInput unless the weights have shape [n] and are positive."""
    if array.shape != (n,):
        raise BadInput(f"weights has shape {list(array.shape)}, but y has {n} rows")
    check_finite(array, "weights")
    if not np.all(array > 0):
        raise BadInput(f"weights: entry {int(np.argmax(array <= 0))} is not positive")


def is_place(x) -> bool:
    """Whether x names a file."""
    return isinstance(x, (str, os.PathLike))


def absolute(place) -> str:
    """`file.h5:/dataset` or `file.npy` with an absolute path."""
    path, dataset = split_place(os.fspath(place))
    path = os.path.abspath(os.path.expanduser(path))
    return path if dataset is None else f"{path}:{dataset}"


class Kind:
    """What an array was: NumPy or a tensor, its type and device. `back` gives results the same kind."""

    def __init__(self, x):
        self.tensor = is_tensor(x)
        self.dtype = x.dtype if self.tensor else np.asarray(x).dtype
        self.device = x.device if self.tensor else None
        floating = self.dtype.is_floating_point if self.tensor else self.dtype.kind == "f"
        if not floating:
            self.dtype = sys.modules["torch"].float64 if self.tensor else np.dtype(np.float64)

    def back(self, array: np.ndarray):
        """An array of floats as this kind, of this type and on this device; whole numbers stay 64-bit integers."""
        whole = array.dtype.kind == "i"
        if not self.tensor:
            return array if whole else array.astype(self.dtype, copy=False)
        tensor = sys.modules["torch"].from_numpy(np.asarray(array, order="C"))
        return tensor.to(self.device) if whole else tensor.to(device=self.device, dtype=self.dtype)
