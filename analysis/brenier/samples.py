"""Reads the files of `brenier sample` in batches, without loading them: for training on noise-code pairs.

    from brenier.samples import Samples
    with Samples("samples.h5") as samples:
        for noise, code in samples.batches(4096, shuffle=1):
            ...                                         # NumPy arrays [4096, d] in single precision
        for code, label in samples.batches(4096, names=("code", "label"), torch=True):
            ...                                         # torch tensors

A pass reads the file once, block by block; a block is some tens of thousands of rows. With shuffle=SEED the blocks
come in a random order and the rows of a few blocks are mixed; every row still comes once, and the order depends on
the seed alone. Worker `part` of `parts` sees its own blocks: the parts share the rows out. Needs NumPy and h5py;
torch only for torch=True. Samples are independent draws, so the order of a first pass needs no shuffling.
"""
import numpy as np

from .files import BadFile, as_python, open_hdf5

FORMAT = "brenier-samples"
BLOCK_BYTES = 16 << 20  # of one dataset


class Samples:
    """A file of samples: len() is their number, `attributes` the root attributes, `names` the datasets."""

    def __init__(self, path):
        self.file = open_hdf5(path)
        self.attributes = {name: as_python(value) for name, value in self.file.attrs.items()}
        kind = self.attributes.get("format")
        if kind != FORMAT or "status" not in self.attributes:
            self.file.close()
            raise BadFile(
                f"{path}: its format is {kind or 'not given'}, not a finished {FORMAT}; brenier sample makes one"
            )
        self.path = path
        self.names = tuple(self.file)
        self.dim = self.file["code"].shape[1]

    def __len__(self):
        return len(self.file["code"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()

    def block_rows(self):
        """Rows of a block: whole chunks of the widest dataset."""
        chunk = (self.file["code"].chunks or (len(self), 0))[0]
        return chunk * max(1, BLOCK_BYTES // (chunk * self.dim * 4))

    def blocks(self, names, shuffle, part, parts, mixed):
        """Arrays of a few blocks at a time, rows in the order in which they are to be used."""
        rows = self.block_rows()
        start = np.arange(0, len(self), rows)
        rng = None if shuffle is None else np.random.default_rng(shuffle)
        if rng is not None:
            rng.shuffle(start)
        start = start[part::parts]
        together = 1 if rng is None else mixed
        for k in range(0, len(start), together):
            read = [[self.file[name][s : s + rows] for s in start[k : k + together]] for name in names]
            arrays = [np.concatenate(pieces) for pieces in read]
            if rng is not None:
                order = rng.permutation(len(arrays[0]))
                arrays = [array[order] for array in arrays]
            yield arrays

    def batches(self, size, names=("noise", "code"), shuffle=None, part=0, parts=1, mixed=4, torch=False):
        """Yields tuples of arrays of `size` rows, the last of a part shorter; see the head of the file."""
        missing = [name for name in names if name not in self.file]
        if missing:
            raise BadFile(
                f"{self.path}: no dataset /{missing[0]}; its datasets are {', '.join('/' + n for n in self.names)}"
            )
        if size < 1 or not 0 <= part < parts:
            raise ValueError(f"batches of {size} rows, part {part} of {parts}")
        rest = None
        for arrays in self.blocks(names, shuffle, part, parts, mixed):
            if rest is not None:
                arrays = [np.concatenate(pair) for pair in zip(rest, arrays)]
            whole = len(arrays[0]) - len(arrays[0]) % size
            for k in range(0, whole, size):
                yield as_batch([array[k : k + size] for array in arrays], torch)
            rest = [array[whole:] for array in arrays]
        if rest is not None and len(rest[0]):
            yield as_batch(rest, torch)


def as_batch(arrays, torch):
    if not torch:
        return tuple(arrays)
    from torch import from_numpy

    return tuple(from_numpy(np.ascontiguousarray(array)) for array in arrays)
