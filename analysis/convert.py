#!/usr/bin/python3
"""Converts arrays between NumPy, torch, AnnData and HDF5 files: to what Brenier reads, and from what it writes.

usage: convert.py INPUT[:/NAME] -o OUTPUT [-flatten]

INPUT    .npy; .npz (NAME an array); .pt or .pth (a tensor, or a dictionary of tensors, NAME its key, a/b for
         nested ones); .h5ad (NAME such as /obsm/X_pca, the default where there is one, or /X, dense or CSR); .h5,
         .hdf5 (NAME a dataset). Without a NAME all arrays are taken.
OUTPUT   .h5: a dataset for each array, /data for one without a name; .npy: one array, as floats; .npz; .pt (a tensor
         for one array, else a dictionary of tensors).

-flatten makes rows of what has more than two axes. OUTPUT appears whole or not at all. torch is imported for .pt alone,
and only tensors are loaded from it, no code.

Exit codes as those of brenier: 0 done, 2 usage, 3 bad input, 4 input or output failed.
"""
import argparse
import os
import pickle
import sys
import zipfile

import h5py
import numpy as np

from brenier_files import BadFile, open_hdf5, run, split_place

TORCH = (".pt", ".pth")
HDF5 = (".h5", ".hdf5", ".h5ad")
DEFAULT_NAME = "data"
ANNDATA_DEFAULTS = ("obsm/X_pca", "X")


def suffix(path):
    return os.path.splitext(path)[1].lower()


def as_array(tensor):
    """A tensor as an array; bfloat16, which NumPy lacks, in single precision."""
    import torch

    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def flat_names(tree, prefix=""):
    """A nested dictionary of tensors as {"a/b": tensor}; what is no tensor is left out."""
    import torch

    found = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found.update(flat_names(value, f"{prefix}{key}/"))
        elif isinstance(value, torch.Tensor):
            found[f"{prefix}{key}"] = value
    return found


def read_torch(path):
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise BadFile(f"{path}: not a torch file of tensors ({str(error).splitlines()[0]})") from error
    if isinstance(content, torch.Tensor):
        return {DEFAULT_NAME: as_array(content)}
    if isinstance(content, dict):
        return {name: as_array(tensor) for name, tensor in flat_names(content).items()}
    raise BadFile(f"{path}: holds a {type(content).__name__}; a tensor or a dictionary of tensors is needed")


def read_numpy(path):
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {DEFAULT_NAME: content}
        with content:
            return {name: content[name] for name in content.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadFile(f"{path}: not a NumPy file of plain arrays ({error})") from error


def read_sparse(group):
    """AnnData's CSR matrix, written out."""
    shape = tuple(int(length) for length in group.attrs["shape"])
    begin, column, value = group["indptr"][()], group["indices"][()], group["data"][()]
    dense = np.zeros(shape, value.dtype)
    dense[np.repeat(np.arange(shape[0]), np.diff(begin)), column] = value
    return dense


def read_node(path, file, name):
    """A dataset, or a CSR matrix of AnnData, by name; None when there is no such."""
    node = file.get(name)
    if isinstance(node, h5py.Dataset):
        return node[()]
    if isinstance(node, h5py.Group) and "indptr" in node:
        kind = node.attrs.get("encoding-type", "csr_matrix")
        if kind != "csr_matrix":
            raise BadFile(f"{path}: /{name} is a {kind}; only dense and CSR matrices are read")
        return read_sparse(node)
    return None


def read_hdf5(path, name):
    """The array of that name; without a name all datasets of the root group, of AnnData its default."""
    with open_hdf5(path) as file:
        if name is None and suffix(path) == ".h5ad":
            name = next((default for default in ANNDATA_DEFAULTS if default in file), None)
        if name is None:
            return {key: file[key][()] for key in file if isinstance(file[key], h5py.Dataset)}
        array = read_node(path, file, name)
        return {} if array is None else {os.path.basename(name): array}


def read(place):
    """Arrays of a file by name."""
    path, name = split_place(place)
    name = name.strip("/") if name else None
    if not os.path.exists(path):
        raise BadFile(f"{path}: no such file")
    if suffix(path) in HDF5:
        arrays, chosen = read_hdf5(path, name), None
    elif suffix(path) in TORCH:
        arrays, chosen = read_torch(path), name
    elif suffix(path) in (".npy", ".npz"):
        arrays, chosen = read_numpy(path), name
    else:
        raise BadFile(f"{path}: files of this kind are not read; give .npy, .npz, .pt, .pth, .h5, .hdf5 or .h5ad")
    if chosen is not None:
        arrays = {chosen.replace("/", "_"): arrays[chosen]} if chosen in arrays else {}
    if not arrays:
        raise BadFile(f"{path}: no array {name or 'in it'}")
    for key, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise BadFile(f"{path}: {key} is of type {array.dtype}; numbers are needed")
    return arrays


def as_tensors(arrays):
    import torch

    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    return next(iter(tensors.values())) if len(tensors) == 1 else tensors


def write_to(path, kind, arrays):
    if kind in (".h5", ".hdf5"):
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array, track_times=False)
    elif kind == ".npz":
        with open(path, "wb") as file:
            np.savez(file, **arrays)
    elif kind == ".npy":
        (array,) = arrays.values()
        with open(path, "wb") as file:
            np.save(file, np.ascontiguousarray(array if array.dtype.kind == "f" else array.astype(float)))
    else:
        import torch

        torch.save(as_tensors(arrays), path)


def write(path, arrays):
    """Writes under a temporary name beside `path`, then renames."""
    kind, temporary = suffix(path), f"{path}.{os.getpid()}.tmp"
    if kind not in (".h5", ".hdf5", ".npz", ".npy", *TORCH):
        raise BadFile(f"{path}: files of this kind are not written; name a .h5, .npy, .npz or .pt")
    if kind == ".npy" and len(arrays) > 1:
        raise BadFile(f"{path}: holds one array, the input has {', '.join(arrays)}; name one, INPUT:/NAME")
    try:
        write_to(temporary, kind, arrays)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Converts arrays for Brenier and back.", allow_abbrev=False)
    parser.add_argument("input", metavar="INPUT[:/NAME]", help=".npy, .npz, .pt, .pth, .h5, .hdf5, .h5ad")
    parser.add_argument("-o", dest="out", required=True, metavar="OUTPUT", help=".h5, .npy, .npz or .pt")
    parser.add_argument("-flatten", action="store_true", help="rows of what has more than two axes")
    options = parser.parse_args(arguments)

    def work():
        arrays = read(options.input)
        if options.flatten:
            arrays = {name: a.reshape(len(a), -1) if a.ndim > 2 else a for name, a in arrays.items()}
        write(options.out, arrays)
        for name, array in arrays.items():
            print(f"{options.out}  {name}  {' x '.join(map(str, array.shape)) or 'a number'}  {array.dtype}")

    return run("convert", work)


if __name__ == "__main__":
    sys.exit(main())
