"""Reads what Brenier writes: result files (docs/reference/files.md) and JSON-lines logs (docs/reference/log.md).

    from brenier.files import read_result, read_log
    result = read_result("result.h5")
    result.rho, result.status, result["/mass"], result.history["rho"]

Needs NumPy and h5py only; a result file is plain HDF5, so nothing here is needed to read one.
"""
import json
import sys

import h5py
import numpy as np

from .errors import BadFile, BrenierError

RESULT_FORMAT = "brenier-result"
RESULT_FORMAT_VERSION = 1
NEW_NAMES = {"noise": "sampling_error"}  # columns of the history as files before version 0.2 name them


def run(name, work):
    """Does the work of a script; a foreseen error is one sentence. Returns the exit code, as brenier's."""
    try:
        work()
    except (BrenierError, OSError) as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 4 if isinstance(error, OSError) else error.code or 1
    return 0


def as_python(value):
    """An HDF5 attribute as str, int, float or array."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.item() if isinstance(value, np.generic) else value


class ResultFile:
    """A result file: root attributes as Python attributes, datasets by name, read when asked for.

    path: file name; attributes: the root attributes; history: column name -> array, one entry an iteration;
    provenance: how the file was made, name -> text.
    """

    def __init__(self, path, attributes, names, history, provenance):
        self.path = path
        self.attributes = attributes
        self.names = names
        self.history = history
        self.provenance = provenance

    def __getattr__(self, name):
        try:
            return self.__dict__["attributes"][name]
        except KeyError:
            raise AttributeError(f"{self.__dict__.get('path')}: no root attribute {name}") from None

    def __contains__(self, name):
        return name.strip("/") in self.names

    def __getitem__(self, name):
        """A dataset as an array."""
        return read_dataset(f"{self.path}:/{name.strip('/')}")


def split_place(place):
    """`file.h5:/dataset` as ("file.h5", "/dataset"); without a dataset the second is None."""
    path, separator, dataset = place.rpartition(":/")
    return (path, "/" + dataset) if separator else (place, None)


def open_hdf5(path):
    try:
        return h5py.File(path, "r")
    except FileNotFoundError:
        raise BadFile(f"{path}: no such file") from None
    except OSError as error:
        raise BadFile(f"{path}: cannot be read as HDF5 ({error})") from error


def read_dataset(place, rows=None):
    """The dataset at `file.h5:/dataset`, or the rows of it in that order (repeats allowed)."""
    path, name = split_place(place)
    with open_hdf5(path) as file:
        if name is None or name not in file or not isinstance(file[name], h5py.Dataset):
            there = ", ".join("/" + key for key in file if isinstance(file[key], h5py.Dataset))
            raise BadFile(f"{path}: no dataset {name or 'named'}; its datasets are {there or 'none'}")
        if rows is None:
            return file[name][()]
        wanted, place_of = np.unique(np.asarray(rows), return_inverse=True)
        if wanted.size and (wanted[0] < 0 or wanted[-1] >= len(file[name])):
            raise BadFile(f"{path}: rows {wanted[0]} to {wanted[-1]} asked of {name}, which has {len(file[name])}")
        return file[name][wanted][place_of]


def table(values, columns):
    """A history array [iterations, columns] with its comma-separated column names, as name -> array."""
    names = [NEW_NAMES.get(name.strip(), name.strip()) for name in columns.split(",")]
    if values.ndim != 2 or values.shape[1] != len(names):
        raise BadFile(f"/history has shape {list(values.shape)}, but names {len(names)} columns")
    return {name: values[:, k] for k, name in enumerate(names)}


def read_result(path, made=ResultFile):
    """Opens a result file of `brenier solve`, as a ResultFile or a class derived from it; raises BadFile when it is
    something else."""
    with open_hdf5(path) as file:
        attributes = {name: as_python(value) for name, value in file.attrs.items()}
        kind = attributes.get("format")
        if kind != RESULT_FORMAT:
            raise BadFile(f"{path}: its format is {kind or 'not given'}, not {RESULT_FORMAT}; brenier solve makes one")
        if attributes.get("format_version", 0) > RESULT_FORMAT_VERSION:
            raise BadFile(f"{path}: written by a later Brenier ({attributes.get('version')}); update this reader")
        if "status" not in attributes:
            raise BadFile(f"{path}: has no status, so it was never finished")
        history = {}
        if "history" in file:
            history = table(file["history"][()], as_python(file["history"].attrs["columns"]))
        provenance = {}
        if "provenance" in file:
            provenance = {name: as_python(value) for name, value in file["provenance"].attrs.items()}
        names = [name for name in file if isinstance(file[name], h5py.Dataset)]
    return made(path, attributes, names, history, provenance)


def read_log(path):
    """The events of a JSON-lines log, as dictionaries; a last line cut off by a killed run is left out."""
    events = []
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path}: cannot be read as a log ({error})") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            if not isinstance(event, dict) or "event" not in event:
                raise ValueError("not an object with the field event")
        except ValueError as error:
            if number == len(lines):
                break
            raise BadFile(f"{path}: line {number} is not an event of a log ({error})") from error
        events.append(event)
    return events


def last_event(events, name):
    """The last event of that name, or None."""
    return next((event for event in reversed(events) if event["event"] == name), None)


def log_history(events):
    """The iterations of a log as name -> array; null becomes NaN, a field that is absent too."""
    iterations = [event for event in events if event["event"] == "iteration"]
    names = dict.fromkeys(NEW_NAMES.get(name, name) for event in iterations for name in event if name != "event")
    old = {new: name for name, new in NEW_NAMES.items()}
    missing = float("nan")

    def number(value):
        return missing if value is None else value

    return {name: np.array([number(event.get(name, event.get(old.get(name)))) for event in iterations])
            for name in names}  # fmt: skip


def in_sgd(history):
    """Which iterations are steps of averaged SGD: those after Newton's, which alone have a damping, or,
    without Newton, those of one evaluation each with a sampling error, which adam and asgd do not tell. What steps
    say of masses is that of their own few curves."""
    none = np.zeros(len(history["rho"]))
    damping, sampling_error, iteration, evaluations = (
        np.asarray(history.get(name, none), dtype=float)
        for name in ("damping", "sampling_error", "iteration", "evaluations")
    )
    newton = damping > 0
    alone = (sampling_error > 0) & (iteration == evaluations)
    return (np.logical_or.accumulate(newton) | alone) & ~newton


def is_exact(history):
    """Whether a history is of exact cells: no curves, so nothing sampled, and an error that has no interval."""
    curves = np.asarray(history.get("curves", ()))
    return bool(len(curves)) and not np.any(curves)


def read_history(path):
    """(history, held_out) of a result file or a log: history as name -> array, held_out a dictionary with rho, rho_low
    and rho_high, or None when the run did not come to that."""
    if h5py.is_hdf5(path):
        result = read_result(path)
        return result.history, {name: result.attributes.get(name) for name in ("rho", "rho_low", "rho_high")}
    events = read_log(path)
    return log_history(events), last_event(events, "held_out")
