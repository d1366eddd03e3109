"""The result of a solve: what the file holds, and the map, both potentials, samples and facets that follow from it."""
import os
import shutil
import tempfile
import weakref
from functools import cached_property
from typing import Any, NamedTuple, Optional

import h5py
import numpy as np

from ._argmax import planes_for
from ._arrays import Kind, check_finite, is_tensor, to_numpy
from ._program import choose_ranks
from ._run import run
from .couplings import Couplings
from .errors import BadArguments, BadInput, InputOutput
from .files import ResultFile, read_result

BLOCK_BYTES = 64 << 20  # of targets that are fetched at once


class Facets(NamedTuple):
    """Where the map jumps. pair: [m, 2] targets i < j; angle: [m] degrees; mass: [m]; mode: [n] the mode of each
    target, or None without a threshold."""

    pair: np.ndarray
    angle: np.ndarray
    mass: np.ndarray
    mode: Optional[np.ndarray]


class Samples(NamedTuple):
    """Draws of the program. noise: [N, d] f4; index: [N] i8; code: [N, d] f4; draw: [N] i8, which with the seed names
    the noise."""

    noise: np.ndarray
    index: np.ndarray
    code: np.ndarray
    draw: np.ndarray


class ConditionedSamples(NamedTuple):
    """As `Samples`, of noise [N, d] and codes [N, d], and condition: [N, q] f4, that of the noise."""

    noise: np.ndarray
    index: np.ndarray
    code: np.ndarray
    draw: np.ndarray
    condition: np.ndarray


def dataset(name: str, text: str, dtype: Any = None) -> Any:
    """A property that reads a dataset once, and converts it where a type is given."""

    def read(self):
        return self[name] if dtype is None else self[name].astype(dtype)

    read.__doc__ = text
    return cached_property(read)


class Result(ResultFile):
    """A map, from `solve` or `load`. Root attributes of the file are attributes (docs/reference/files.md): rho,
    rho_low, rho_high, w2, w2_bound_low, w2_bound_high, dual, gap, status, source, dim, n_targets, ...

    path: the file; history: name of a column -> array [iterations]; output: what the program printed.
    """

    targets = dataset("targets", "y_i, [n, d] f8, duplicates merged; with conditions (y_i, sqrt(B) c_i), [n, d + q].",
                      "f8")
    weights = dataset("weights", "nu_i, [n] f8, summing to 1.")
    heights = dataset("heights", "h_i, [n] f8, with sum nu_i h_i = 0.")
    heights_low = dataset("heights_low", "What heights leave to rounding, [n] f8; only where cells are exact.")
    psi = dataset("psi", "|y_i|^2/2 + h_i, [n] f8.")
    row = dataset("row", "Row of the input that y_i came from, [n] i8.")
    mass = dataset("mass", "w_i = mu(W_i), [n] f8: exact, or measured on curves that the solver never saw.")
    mass_error = dataset("mass_error", "Standard error of the masses, [n] f8.")
    barycenters = dataset("barycenter", "b_i, [n, d] f4; nan for a cell without mass.")

    output = ""
    _owner = None

    def __repr__(self):
        a = self.attributes
        size = f"{a.get('n_targets')} targets in dimension {a.get('dim')}"
        return f"<brenier.Result: {size}, rho {a.get('rho'):.3g}, {a['status']}>"

    def own(self, folder):
        """Makes this result the owner of a temporary folder, which goes with it."""
        self._owner = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    @cached_property
    def _planes(self):
        return {}

    @cached_property
    def _copies(self):
        return {}

    @property
    def _columns(self):
        """Numbers of a condition; 0 where there are none."""
        return self.attributes.get("condition_columns", 0)

    @cached_property
    def conditions(self):
        """c_i, [n, q] f8, the conditions of the targets; None where there are none."""
        if not self._columns:
            return None
        return self.targets[:, self.dim - self._columns :] / np.sqrt(self.condition_weight)

    def _as(self, kind):
        """The targets without their conditions as a kind of array, made once."""
        key = (kind.tensor, str(kind.dtype), str(kind.device))
        if key not in self._copies:
            self._copies[key] = kind.back(np.ascontiguousarray(self.targets[:, : self.dim - self._columns]))
        return self._copies[key]

    def _pairs(self, x, conditions):
        """Points x [..., d] with conditions [..., q] as points (x, sqrt(B) c) in double precision; x itself where there
        are no conditions."""
        if (conditions is None) != (not self._columns):
            raise BadArguments("points of this map have " + ("conditions; give conditions=" if self._columns else
                                                             "no conditions; leave out conditions"))  # fmt: skip
        return x if conditions is None else pairs(x, conditions, self.dim, self._columns, self.condition_weight)

    def __getstate__(self):
        with open(self.path, "rb") as file:
            return {"file": file.read(), "output": self.output}

    def __setstate__(self, state):
        folder = tempfile.mkdtemp(prefix="brenier-")
        path = os.path.join(folder, "result.h5")
        with open(path, "wb") as file:
            file.write(state["file"])
        self.__dict__.update(load(path).__dict__, output=state["output"])
        self.own(folder)

    def save(self, path) -> None:
        """Writes the result file under another name, whole or not at all."""
        path = os.path.abspath(os.fspath(path))
        temporary = f"{path}.{os.getpid()}.tmp"
        try:
            shutil.copyfile(self.path, temporary)
            os.replace(temporary, path)
        except OSError as error:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise InputOutput(f"{path}: cannot be written ({error.strerror})") from None

    def _points(self, x):
        """Points of the caller's as [N, d] (an array, or a tensor of an accelerator), and their leading shape."""
        array = x.detach() if is_tensor(x) and x.device.type != "cpu" and not x.is_complex() else to_numpy(x, "x")
        if array.ndim == 0 or array.shape[-1] != self.dim:
            raise BadInput(f"x has shape {list(array.shape)}; the last axis is to have dimension {self.dim}")
        shape = tuple(array.shape[:-1])
        array = array.reshape(-1, self.dim)
        if isinstance(array, np.ndarray):
            check_finite(array, "x")
        elif array.is_floating_point() and not bool(array.isfinite().all()):
            raise BadInput("x has a number that is not finite")
        return array, shape

    def index(self, x, conditions=None):
        """Laguerre cell of each point: x [..., d] -> [...] int64, counted from 0, in the order of `targets`. Where the
        map has conditions: those of the points, [..., q], or one for all, [q]."""
        points, shape = self._points(self._pairs(x, conditions))
        if isinstance(points, np.ndarray):
            cell = planes_for(self._planes, self.targets, self.heights).index(points).reshape(shape)
            return Kind(x).back(cell) if is_tensor(x) else cell
        return planes_for(self._planes, self.targets, self.heights, points).index(points).reshape(shape)

    def map(self, x, conditions=None):
        """T(x), the target of each point: x [..., d] -> [..., d] of the kind, type and device of x. conditions: as of
        `index`; the target is given without its own."""
        kind = Kind(x)
        cell = self.index(x, conditions)
        codes = self._as(kind)
        if not kind.tensor:
            return codes[cell]
        return codes.index_select(0, cell.reshape(-1)).reshape(*cell.shape, codes.shape[1])

    def potential(self, x, conditions=None):
        """u(x) = max_i <x, y_i> + h_i: x [..., d] -> [...]. A tensor that requires a gradient gets it: grad u = T.
        With conditions, as of `index`, x stands for (x, sqrt(B) c) here."""
        return self._at(self._pairs(x, conditions), self.index(x, conditions), Kind(x))

    def phi(self, x, conditions=None):
        """phi(x) = |x|^2/2 - u(x), the Kantorovich potential: x [..., d] -> [...]; conditions as of `potential`."""
        cell, kind = self.index(x, conditions), Kind(x)
        x = self._pairs(x, conditions)
        wide = x.double() if kind.tensor else np.asarray(x, dtype=np.float64)
        phi = 0.5 * (wide * wide).sum(-1) - self._at(wide, cell, Kind(wide))
        return phi.to(kind.dtype) if kind.tensor else kind.back(np.asarray(phi))

    def _at(self, x, cell, kind):
        """<x, y_i> + h_i with i the cell of x."""
        if kind.tensor:
            wide = x.double()
            y = wide.new_tensor(self.targets).index_select(0, cell.reshape(-1)).reshape(wide.shape)
            h = wide.new_tensor(self.heights)[cell]
            return ((wide * y).sum(-1) + h).to(kind.dtype)
        cells = np.reshape(cell, -1)
        points = np.asarray(x).reshape(-1, self.dim)
        u = np.empty(len(points))
        rows = max(1, BLOCK_BYTES // (8 * self.dim))
        for first in range(0, len(points), rows):
            part = slice(first, first + rows)
            u[part] = np.einsum("ij,ij->i", points[part], self.targets[cells[part]]) + self.heights[cells[part]]
        return kind.back(u.reshape(np.shape(cell)))

    def sample(self, n: int, seed: int = 1, *, ranks=None, **options) -> "Samples | ConditionedSamples":
        """n draws of the program's `sample`: arrays noise [n, d], index [n], code [n, d], draw [n], and condition
        [n, q] where the map has conditions. Options are those of the command, such as extension="linear"."""
        made = ConditionedSamples if self._columns else Samples
        return made(*self._command("sample", {"n": n, "seed": seed, **options}, ranks, made._fields))

    def facets(self, *, ranks=None, **options) -> Facets:
        """Facets between neighbouring cells, by the program's `facets`. Options are those of the command, such as
        threshold=8 (degrees)."""
        return Facets(*self._command("facets", options, ranks, ("pair", "angle", "mass", "mode")))

    def _command(self, name, options, ranks, datasets):
        from ._options import words

        folder = tempfile.mkdtemp(prefix="brenier-")
        try:
            out = os.path.join(folder, "out.h5")
            ranks = choose_ranks(ranks, None, self.n_targets * self.dim)
            run([name, os.path.abspath(self.path), "-o", out, *words(options)], ranks=ranks, folder=folder)
            with h5py.File(out, "r") as file:
                return [file[name][()] if name in file else None for name in datasets]
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _components(self):
        """Weights, means and factors of the components of a mixture."""
        factor = None
        if "component_factor" in self:
            factor = self["component_factor"].reshape(-1, self.dim, self["component_factor"].shape[1] // self.dim)
        return self["component_weight"], self["component_mean"], factor

    def couplings(self, batch: int, seed: int = 0, rank: int = 0, world: int = 1, **options) -> Couplings:
        """An endless iterator of pairs (noise, code), arrays [batch, d], and where the map has conditions those of the
        noise, [batch, q]; see `Couplings` for all arguments."""
        law = {"dof": self.attributes.get("source_dof")}
        if "source_mean" in self:
            law.update(mean=self["source_mean"], factor=self["source_factor"])
        if "component_weight" in self:
            law["components"] = self._components()
        if self._columns:
            own = self.dim - self._columns
            mean = law["components"][1][:, own:] + (law["mean"][own:] if "mean" in law else 0)
            law["conditions"] = mean / np.sqrt(self.condition_weight)
        return Couplings(
            self.targets, self.heights, self.source, self.source_scale, batch, seed, rank, world, **law, **options
        )

    def dataset(self, batch: int = 4096, seed: int = 0, rank: int = 0, world: int = 1, **options):
        """The couplings as an IterableDataset of torch, whose items are batches; see `brenier.dataset`."""
        from .dataset import CouplingsDataset

        return CouplingsDataset(self.couplings(batch, seed, rank, world, **options))


def pairs(x, conditions, dim, columns, weight):
    """(x, sqrt(B) c) of points x [..., dim - columns] and conditions [..., columns], or [columns] for all."""
    array = x if is_tensor(x) else to_numpy(x, "x")
    if array.ndim == 0 or array.shape[-1] != dim - columns:
        raise BadInput(f"x has shape {list(array.shape)}; the last axis is to have dimension {dim - columns}")
    c = to_numpy(conditions, "conditions")
    shape = (*array.shape[:-1], columns)
    if c.shape not in (shape, (columns,)):
        raise BadInput(f"conditions has shape {list(c.shape)}; x of shape {list(array.shape)} goes with {list(shape)}, "
                       f"or [{columns}] for all points")  # fmt: skip
    check_finite(c, "conditions")
    c = np.broadcast_to(np.sqrt(weight) * np.asarray(c, dtype=np.float64), shape)
    if not is_tensor(x):
        return np.concatenate([np.asarray(array, dtype=np.float64), c], axis=-1)
    import torch

    return torch.cat([x.double(), torch.from_numpy(c.copy()).to(x.device)], dim=-1)


def load(path) -> Result:
    """Opens a result file of `brenier solve` or `Result.save`: a Result, or Results where there is a map for each
    class. Raises BadFile when it is something else."""
    from .classes import open_result

    return open_result(os.path.abspath(os.fspath(path)))
