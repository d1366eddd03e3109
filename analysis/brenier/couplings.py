"""Pairs (x, T(x)) of noise and target without end, made from the heights as they are asked for.

Batch g of a seed has its own counter, so it is the same whoever makes it. Rank r of `world` ranks makes the batches r,
r + world, r + 2 world, ...: the ranks have disjoint parts of one stream.
"""

from typing import Any

import numpy as np

from ._argmax import planes_for
from .errors import BadArguments

STREAM = 0x636F75706C696E67  # second word of the generator's key: no other use of the seed has its numbers


def whole(value, name, least, below=None) -> int:
    """A whole number in a range. Raises BadArguments."""
    fits = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least
    if not fits or (below is not None and value >= below):
        raise BadArguments(
            f"{name} is {value!r}; it is a whole number from {least} " + (f"to {below - 1}" if below else "on")
        )
    return int(value)


SOURCES = ("gaussian", "cube", "sphere", "ball", "spherical", "student", "mixture")


def generator_of(seed, batch):
    """The random numbers of batch number `batch`."""
    return np.random.Generator(np.random.Philox(key=[seed, STREAM], counter=[0, 0, batch, 0]))


def draw_components(generator, rows, weight):
    """The components of a mixture that points are of: the first numbers of a generator."""
    return np.searchsorted(np.cumsum(weight)[:-1], generator.random(rows), side="right")


def draw_mixture(generator, dim, rows, dtype, weight, mean, factor=None):
    """Points of the mixture of components weight [K], mean [K, dim], factor [K or 1, dim, q], the identity without."""
    k = draw_components(generator, rows, weight)
    z = generator.standard_normal((rows, dim if factor is None else factor.shape[2]), dtype=dtype)
    if factor is not None:
        factor = factor.astype(dtype)
        z = z @ factor[0].T if len(factor) == 1 else np.einsum("nij,nj->ni", factor[k], z)
    return z + mean[k].astype(dtype)


def draw_noise(source, scale, dim, rows, seed, batch, dtype=np.float32, dof=None, components=None):
    """Points of the source, [rows, dim], of batch number `batch`: a pure function of its arguments. Without mean and
    factor."""
    generator = generator_of(seed, batch)
    if source == "cube":
        return generator.random((rows, dim), dtype=dtype) - dtype(0.5)
    if components is not None:
        return draw_mixture(generator, dim, rows, dtype, *components)
    x = generator.standard_normal((rows, dim), dtype=dtype)
    if source in ("sphere", "ball", "spherical"):
        x /= np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    if source in ("ball", "spherical"):
        x *= generator.random((rows, 1), dtype=dtype) ** dtype(1 / dim if source == "ball" else 1)
    if source == "student":
        x *= np.sqrt(dof / generator.chisquare(dof, (rows, 1))).astype(dtype)
    return x if scale == 1 else x * dtype(scale)


class Couplings:
    """An endless iterator of pairs (noise, code), arrays [batch, d] in single precision.

    batch: rows of a batch; seed: names the stream; rank, world: this iterator makes the batches rank, rank + world,
    ... of it; start: the first step, or what `state()` gave; dtype: of the arrays, float32 or float64; device: None
    for NumPy, else a device of torch, such as "cpu" or "cuda", on which the pairs are made; index: whether the index
    of the target [batch] comes as the last array; dof: degrees of freedom of "student"; mean, factor: m [d] and L, its
    diagonal [d] or [d, d], of a source x = m + L z; components: weights [K], means [K, d] and factors [K or 1, d, q],
    or None for the identity, of z where the source is a mixture; conditions: [K, q], where the last q coordinates of
    source and targets are those of conditions, that of each component. Then the condition of the noise [batch, q] is
    the third array, and noise and code are without these coordinates.
    """

    def __init__(
        self,
        targets: np.ndarray,
        heights: np.ndarray,
        source: str,
        scale: float,
        batch: int,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        *,
        start: "int | dict" = 0,
        dtype: Any = np.float32,
        device: Any = None,
        index: bool = False,
        dof: "float | None" = None,
        mean: "np.ndarray | None" = None,
        factor: "np.ndarray | None" = None,
        components: "tuple | None" = None,
        conditions: "np.ndarray | None" = None,
    ):
        if source not in SOURCES:
            raise BadArguments(f"couplings know no source {source!r}; Result.sample draws from it")
        self.batch = whole(batch, "batch", 1)
        self.seed = whole(seed, "seed", 0, 1 << 64)
        self.world = whole(world, "world", 1)
        self.rank = whole(rank, "rank", 0, self.world)
        self.dtype = np.dtype(dtype).type
        if self.dtype not in (np.float32, np.float64):
            raise BadArguments(f"dtype is {dtype}; it is float32 or float64")
        self.source, self.scale, self.device, self.index = source, scale, device, index
        self.targets, self.heights = targets, heights
        self.dof, self.mean, self.factor, self.components = dof, mean, factor, components
        self.conditions = None if conditions is None else conditions.astype(self.dtype)
        self.dim = targets.shape[1] - (0 if conditions is None else conditions.shape[1])  # of noise and codes
        self.codes = np.ascontiguousarray(targets[:, : self.dim], dtype=self.dtype)
        self.planes = {}
        self.stride = 1  # steps from one batch to the next; workers of a DataLoader leave out those of the others
        self.step = self._step_of(start)

    def _step_of(self, start):
        if isinstance(start, dict):
            for name in ("batch", "seed", "world"):
                if start.get(name) != getattr(self, name):
                    raise BadArguments(f"start has {name} {start.get(name)}, but {name} is {getattr(self, name)}")
            start = start.get("step")
        return whole(start, "start", 0)

    def state(self) -> dict:
        """Where the iterator is: pass it as `start` to go on with the next batch."""
        return {"step": self.step, "batch": self.batch, "seed": self.seed, "world": self.world}

    def __iter__(self):
        return self

    def __next__(self):
        pair = self.make(self.step)
        self.step += self.stride
        return pair

    def make(self, step: int):
        """The batch of a step of this rank, as a pure function."""
        number = step * self.world + self.rank
        dim = self.targets.shape[1]
        noise = draw_noise(
            self.source, self.scale, dim, self.batch, self.seed, number, self.dtype, self.dof, self.components
        )
        if self.factor is not None:
            noise = noise * self.factor if self.factor.ndim == 1 else noise @ self.factor.T
        if self.mean is not None:
            noise = noise + self.mean
        noise = noise.astype(self.dtype, copy=False)
        condition = None
        if self.conditions is not None:
            component = draw_components(generator_of(self.seed, number), self.batch, self.components[0])
            condition = self.conditions[component]
        if self.device is not None:
            return self._on_device(noise, condition)
        cell = planes_for(self.planes, self.targets, self.heights).index(noise)
        return self._batch(np.ascontiguousarray(noise[:, : self.dim]), self.codes[cell], cell, condition)

    def _batch(self, noise, code, cell, condition):
        return (noise, code, *(() if condition is None else (condition,)), *((cell,) if self.index else ()))

    def _on_device(self, noise, condition):
        import torch

        noise = torch.from_numpy(noise).to(self.device)
        planes = planes_for(self.planes, self.targets, self.heights, noise)
        if planes.xp is np:
            cell = torch.from_numpy(planes.index(noise.numpy()))
        else:
            cell = planes.index(noise)
        if "codes" not in self.planes:
            self.planes["codes"] = torch.from_numpy(self.codes).to(noise.device)
        code = self.planes["codes"].index_select(0, cell)
        if condition is not None:
            condition = torch.from_numpy(condition).to(self.device)
        return self._batch(noise[:, : self.dim].contiguous(), code, cell, condition)

    def __getstate__(self):
        return {**self.__dict__, "planes": {}}


def share(couplings: Couplings, worker: int, workers: int) -> Couplings:
    """What worker `worker` of `workers` of one rank makes: steps worker, worker + workers, ... after the present
    one."""
    part = object.__new__(Couplings)
    part.__dict__.update(couplings.__dict__)
    part.step += worker
    part.stride = workers
    return part
