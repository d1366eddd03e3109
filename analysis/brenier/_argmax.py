"""The Laguerre cell of many points: argmax_i <x, y_i> + h_i, exact in double precision at the speed of single
precision.

The scores of a block of points with all targets are made in single precision, tile by tile of targets, and of each tile
only its largest score is kept. With t the largest score of all, a tile whose largest score is below t - 2 b cannot hold
the cell, b being a bound of the rounding errors; the few others are computed again in double precision, and the largest
score wins, at a tie the target of lower index. Scores are those of y_i - c and h_i - k, divided by the largest
|y_i - c|, which changes no argmax.

Rounding: a dot product of length m in arithmetic of unit roundoff u is off by at most m u |x| |y| to first order
(Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1), and both factors have been rounded once.
"""
import sys

import numpy as np

TILE = 512  # targets of a tile
BLOCK_BYTES = 4 << 20  # of scores at once on a CPU, which its caches hold
DEVICE_BLOCK_BYTES = 256 << 20  # of scores at once on an accelerator
BLOCK_POINTS = 1024  # points of a block on a CPU
ROUNDOFF = 2.0**-24
TENSOR_FLOAT_ROUNDOFF = 2.0**-11  # of TensorFloat-32, if the caller lets torch use it
LARGEST = 1e30  # beyond it single precision may overflow


class Planes:
    """Targets and heights, prepared for `index`. targets: [n, d]; heights: [n]; xp: numpy, or torch with a device."""

    def __init__(self, targets, heights, xp=np, device=None):
        self.xp, self.device, self.tile = xp, device, TILE
        centred = targets - targets.mean(axis=0)
        shifted = heights - 0.5 * (heights.min() + heights.max())
        self.n, self.dim = targets.shape
        self.longest = float(np.sqrt((centred**2).sum(axis=1).max())) or 1.0
        self.highest = float(np.abs(shifted).max()) / self.longest
        self.targets, self.heights = self.put(centred), self.put(shifted)
        self.single = None
        if self.n > self.tile and self.highest < LARGEST:
            n_tiles = -(-self.n // self.tile)
            table = np.zeros((self.dim + 1, n_tiles * self.tile), dtype=np.float32)
            table[:-1, : self.n] = (centred / self.longest).T
            table[-1, : self.n] = shifted / self.longest
            table[-1, self.n :] = -np.inf  # the last tile is filled up
            self.single = self.put(table)

    def put(self, array):
        """An array of NumPy's where the work is done."""
        return array if self.xp is np else self.xp.from_numpy(array).to(self.device)

    def index(self, x):
        """Index of the cell [N], int64, of points [N, d], which are where the planes are. Memory does not depend on
        N."""
        xp = self.xp
        cell = xp.zeros(len(x), dtype=xp.int64, **({} if xp is np else {"device": self.device}))
        if xp is np:
            rows = BLOCK_POINTS
        else:
            rows = max(
                1, DEVICE_BLOCK_BYTES // (8 * max(self.n if self.single is None else self.single.shape[1], self.dim))
            )
        for first in range(0, len(x), rows):
            block = x[first : first + rows]
            cell[first : first + rows] = self.of_block(block)
        return cell

    def of_block(self, x):
        wide = x.astype(np.float64) if self.xp is np else x.double()
        lengths = (wide * wide).sum(-1) ** 0.5
        if self.single is None or not float(lengths.max()) < LARGEST:
            return self.decide(wide, None)
        return self.decide(wide, self.candidates(wide, lengths))

    def candidates(self, x, lengths):
        """Which tiles may hold the cell: [tiles, points] of bool."""
        xp = self.xp
        n, columns = len(x), self.single.shape[1]
        if xp is np:
            points = np.ones((n, self.dim + 1), dtype=np.float32)
            points[:, :-1] = x
            width = max(self.tile, BLOCK_BYTES // (4 * n) // self.tile * self.tile)
            best = np.empty((n, columns // self.tile), dtype=np.float32)
            room = np.empty(n * width, dtype=np.float32)
        else:
            points = xp.cat([x.float(), xp.ones((n, 1), dtype=xp.float32, device=self.device)], dim=1)
            width = max(self.tile, DEVICE_BLOCK_BYTES // (4 * n) // self.tile * self.tile)
            best = xp.empty((n, columns // self.tile), dtype=xp.float32, device=self.device)
        for first in range(0, columns, width):
            part = self.single[:, first : first + width]
            if xp is np:
                scores = np.matmul(points, part, out=room[: n * part.shape[1]].reshape(n, -1))
            else:
                scores = xp.matmul(points, part)
            tiles = scores.reshape(n, -1, self.tile)
            best[:, first // self.tile : first // self.tile + tiles.shape[1]] = xp.amax(tiles, -1)
        bound = (self.dim + 6) * self.roundoff() * (lengths + self.highest)
        return (best >= (xp.amax(best, -1) - 2 * bound)[:, None]).T

    def roundoff(self):
        if self.xp is np:
            return ROUNDOFF
        fast = self.device is not None and "cuda" in str(self.device) and self.xp.backends.cuda.matmul.allow_tf32
        return TENSOR_FLOAT_ROUNDOFF if fast else ROUNDOFF

    def decide(self, x, candidates):
        """The argmax in double precision over the candidate tiles, or over all (None)."""
        xp = self.xp
        where = {} if xp is np else {"device": self.device}
        cell = xp.zeros(len(x), dtype=xp.int64, **where)
        best = xp.full((len(x),), -float("inf"), dtype=xp.float64, **where)
        for tile in range(-(-self.n // self.tile)):
            rows = xp.where(candidates[tile])[0] if candidates is not None else slice(None)
            if candidates is not None and not len(rows):
                continue
            part = slice(tile * self.tile, min((tile + 1) * self.tile, self.n))
            scores = x[rows] @ self.targets[part].T + self.heights[part]
            index = scores.argmax(-1)
            score = xp.amax(scores, -1)
            higher = score > best[rows]
            cell[rows] = xp.where(higher, index + part.start, cell[rows])
            best[rows] = xp.where(higher, score, best[rows])
        return cell


def planes_for(cache: dict, targets, heights, tensor=None) -> Planes:
    """The planes where a tensor is (NumPy's for None and for tensors of the CPU), made once for each device."""
    device = None if tensor is None or tensor.device.type == "cpu" else tensor.device
    if device not in cache:
        cache[device] = (
            Planes(targets, heights) if device is None else Planes(targets, heights, sys.modules["torch"], device)
        )
    return cache[device]
