"""The result of a solve with classes: one map for each label, by label, and pairs of all classes."""
from functools import cached_property
from typing import Any, NamedTuple

import h5py
import numpy as np

from ._argmax import planes_for
from ._arrays import Kind, is_tensor
from .couplings import STREAM, Couplings, draw_noise
from .errors import BadArguments, BadInput
from .files import ResultFile, read_dataset, read_result
from .result import Result, Samples

LABELS = STREAM + 1  # second word of the generator's key for labels
OF_A_CLASS = ("targets", "weights", "heights", "psi", "row", "mass", "mass_error", "barycenter")  # rows of a class


class LabelledSamples(NamedTuple):
    """As `Samples`, and label: [N], the class of each draw; index is the row of `targets`."""

    noise: np.ndarray
    index: np.ndarray
    code: np.ndarray
    draw: np.ndarray
    label: np.ndarray


class ClassMap(Result):
    """The map of one class: a Result whose arrays are those of the class. label: the label in the file; path: the file
    of all classes."""

    def __init__(self, results, number):
        one = {name: column[number].item() for name, column in results.classes.items()}
        attributes = {**results.attributes, **one}
        super().__init__(results.path, attributes, results.names, {}, results.provenance)
        self.label, self.rows, self.results = one["label"], results.rows_of(number), results

    def __getitem__(self, name):
        name = name.strip("/")
        return read_dataset(f"{self.path}:/{name}", self.rows if name in OF_A_CLASS else None)

    def __reduce__(self):
        return one_of, (self.results, self.label)

    def _command(self, name, options, ranks, datasets):
        return super()._command(name, {"class": self.label, **options}, ranks, datasets)


def one_of(results, label):
    return results.by_number(results.number_in_file(label))


class Results(Result):
    """One map for each class, from `solve(y, classes=...)` or `load`: results[label] is the Result of a class.

    labels: of the classes, [K], ascending; classes: what is measured of each, name -> array [K] (rho, rho_low,
    rho_high, n_targets, weight, seed, exit, ...); label: of each target, [n]. Other arrays and attributes are those of
    a Result, with heights, weights and masses of each class by itself; rho is the root of the mean of rho^2 over the
    classes.
    """

    _names = None  # labels as the caller gave them, where these are no integers

    def __repr__(self):
        a = self.attributes
        return (
            f"<brenier.Results: {len(self)} classes of {a.get('n_targets')} targets in dimension {a.get('dim')}, "
            f"rho at most {a.get('worst_rho', np.nan):.3g}, {a['status']}>"
        )

    @cached_property
    def classes(self):
        with h5py.File(self.path, "r") as file:
            return {name: data[()] for name, data in file["class"].items()}

    @cached_property
    def label(self):
        stored = ResultFile.__getitem__(self, "label")
        return stored if self._names is None else self._names[stored]

    @property
    def labels(self):
        return self.classes["label"] if self._names is None else self._names

    @cached_property
    def _order(self):
        """Rows by classes, and where each class begins."""
        stored = ResultFile.__getitem__(self, "label")
        order = np.argsort(stored, kind="stable")
        return order, np.searchsorted(stored[order], self.classes["label"])

    def rows_of(self, number):
        order, begin = self._order
        return order[begin[number] : begin[number + 1] if number + 1 < len(begin) else None]

    @cached_property
    def _maps(self):
        return {}

    def name(self, names):
        """Gives the classes the labels of the caller, in the order of the file."""
        self._names = names
        return self

    def number_in_file(self, label):
        return int(np.searchsorted(self.classes["label"], label))

    def number(self, label):
        """Number of the class of a label. Raises KeyError."""
        found = np.flatnonzero(self.labels == label)
        if len(found) != 1:
            raise KeyError(label)
        return int(found[0])

    def by_number(self, number):
        if number not in self._maps:
            self._maps[number] = ClassMap(self, number)
        return self._maps[number]

    def __len__(self):
        return len(self.classes["label"])

    def __iter__(self):
        return iter(self.labels.tolist())

    def keys(self):
        return self.labels.tolist()

    def values(self):
        return [self.by_number(k) for k in range(len(self))]

    def items(self):
        return list(zip(self.keys(), self.values()))

    def __contains__(self, key):
        return key in self.keys() or (isinstance(key, str) and super().__contains__(key))

    def __getitem__(self, key):
        """The map of a label; a dataset by its name, as of a Result."""
        if isinstance(key, str) and key.strip("/") in self.names and key not in self.keys():
            return super().__getitem__(key)
        return self.by_number(self.number(key))

    def __getstate__(self):
        return {**super().__getstate__(), "names": self._names}

    def __setstate__(self, state):
        names = state.pop("names")
        super().__setstate__(state)
        self._names = names

    def _numbers(self, label, shape):
        """Numbers of the classes of labels, in the shape of the points."""
        labels = np.asarray(label.detach().cpu() if is_tensor(label) else label)
        try:
            labels = np.broadcast_to(labels, shape)
        except ValueError:
            raise BadInput(f"label has shape {list(labels.shape)}, the points have {list(shape)}") from None
        number = np.clip(np.searchsorted(self.labels, labels), 0, len(self) - 1)
        wrong = self.labels[number] != labels
        if np.any(wrong):
            raise BadInput(f"there is no class {np.asarray(labels)[wrong].flat[0]!r}; `labels` has those there are")
        return number

    def index(self, x, label=None):
        """Row of `targets` that each point goes to: x [..., d] and label [...], or one label for all -> [...] int64."""
        if label is None:
            raise BadArguments("there is one map for each class; give label=, or take results[label]")
        points, shape = self._points(x)
        number = self._numbers(label, shape).reshape(-1)
        cell = np.empty(len(points), dtype=np.int64)
        for k in np.unique(number):
            of = np.flatnonzero(number == k)
            part = points[of] if isinstance(points, np.ndarray) else points[points.new_tensor(of, dtype=int).long()]
            found = self.by_number(int(k)).index(part)
            cell[of] = self.rows_of(int(k))[np.asarray(found.cpu() if is_tensor(found) else found)]
        cell = cell.reshape(shape)
        return Kind(x).back(cell) if is_tensor(x) else cell

    def map(self, x, label=None):
        """T(x) by the map of the class: x [..., d] and label [...], or one label for all -> [..., d]."""
        kind = Kind(x)
        cell = self.index(x, label)
        codes = self._as(kind)
        return codes.index_select(0, cell.reshape(-1)).reshape(*cell.shape, self.dim) if kind.tensor else codes[cell]

    def potential(self, x, label=None):
        """u(x) of the class of each point; a tensor that requires a gradient gets it."""
        return self._at(x, self.index(x, label), Kind(x))

    def phi(self, x, label=None):
        """phi(x) = |x|^2/2 - u(x) of the class of each point."""
        kind = Kind(x)
        wide = x.double() if kind.tensor else np.asarray(x, dtype=np.float64)
        phi = 0.5 * (wide * wide).sum(-1) - self.potential(wide, label)
        return phi.to(kind.dtype) if kind.tensor else kind.back(np.asarray(phi))

    def sample(self, n: int, label=None, seed: int = 1, *, ranks=None, **options) -> LabelledSamples:
        """n draws of the program's `sample`, of one class or, without a label, of classes drawn in proportion to their
        weights."""
        if label is not None:
            number = self.number(label)
            one = self.by_number(number).sample(n, seed, ranks=ranks, **options)
            rows = self.rows_of(number)[one.index]
            return LabelledSamples(one.noise, rows, one.code, one.draw, self.label[rows])
        names = ("noise", "index", "code", "draw", "label")
        arrays = self._command("sample", {"n": n, "seed": seed, **options}, ranks, names)
        noise, index, code, draw, _ = arrays
        return LabelledSamples(noise, index, code, draw, self.label[index])

    def facets(self, label=None, *, ranks=None, **options):
        """Facets of the cells of one class; targets count within the class."""
        if label is None:
            raise BadArguments("facets are those of one map; give label=")
        return self[label].facets(ranks=ranks, **options)

    def couplings(self, batch: int, seed: int = 0, rank: int = 0, world: int = 1, **options) -> "ClassCouplings":
        """An endless iterator of (noise, code, label), the labels drawn in proportion to the weights of the classes.
        Arguments are those of `Couplings`."""
        return ClassCouplings(self, batch, seed, rank, world, **options)


class ClassCouplings(Couplings):
    """As `Couplings`, with a third array [batch], the label of each pair; index=True adds a fourth one."""

    def __init__(self, results: Results, batch, seed=0, rank=0, world=1, **options: Any):
        if results.source == "mixture":
            raise BadArguments("couplings of classes know no mixture; couplings of the map of one class do")
        super().__init__(results.targets, results.heights, results.source, results.source_scale, batch, seed, rank,
                         world, **options)  # fmt: skip
        self.rows = [results.rows_of(k) for k in range(len(results))]
        self.cumulative = np.cumsum(results.classes["weight"])
        self.labels = results.labels
        self.of_class = {}

    def draw_classes(self, number):
        """Number of the class of each pair of a batch: a pure function."""
        generator = np.random.Generator(np.random.Philox(key=[self.seed, LABELS], counter=[0, 0, number, 0]))
        drawn = np.searchsorted(self.cumulative, generator.random(self.batch) * self.cumulative[-1], side="right")
        return np.minimum(drawn, len(self.cumulative) - 1)

    def make(self, step: int):
        number = step * self.world + self.rank
        noise = draw_noise(self.source, self.scale, self.targets.shape[1], self.batch, self.seed, number, self.dtype)
        classes = self.draw_classes(number)
        cell = np.empty(self.batch, dtype=np.int64)
        for k in np.unique(classes):
            of, rows = np.flatnonzero(classes == k), self.rows[k]
            if k not in self.of_class:
                self.of_class[k] = (self.targets[rows], self.heights[rows], {})
            targets, heights, planes = self.of_class[k]
            cell[of] = rows[planes_for(planes, targets, heights).index(noise[of])]
        found = (noise, self.codes[cell], self.labels[classes]) + ((cell,) if self.index else ())
        if self.device is None:
            return found
        import torch

        return tuple(torch.from_numpy(part).to(self.device) if part.dtype.kind != "U" else part for part in found)

    def __getstate__(self):
        return {**super().__getstate__(), "of_class": {}}


def open_result(path):
    """The result at a path: a Result, or Results where there is a map for each class."""
    result = read_result(path, Result)
    return read_result(path, Results) if "label" in result.names and "classes" in result.attributes else result


__all__ = ["Results", "ClassMap", "ClassCouplings", "LabelledSamples", "Samples", "open_result"]
