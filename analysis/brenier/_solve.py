"""brenier.solve: targets to a file, the program on ranks, its result."""
import os
import shutil
import tempfile
import warnings
from typing import Any, Callable, Optional, Union

import h5py
import numpy as np

from ._arrays import absolute, check_matrix, check_weights, is_place, to_numpy
from ._options import words
from ._program import choose_ranks
from ._run import NOT_REACHED, run
from .classes import Results
from .errors import BadArguments, BadInput, NotReached
from .progress import follower
from .result import Result, load

MANY = 1 << 30  # numbers of targets in a file, for want of its shape: ranks are chosen as for a large solve


def solve(
    y: Any,
    weights: Any = None,
    *,
    source: str = "gaussian",
    tol: Optional[float] = 0.1,
    seed: int = 1,
    ranks: Optional[int] = None,
    threads: Optional[int] = None,
    classes: Any = None,
    conditions: Any = None,
    condition_weight: Optional[float] = None,
    start: "Union[Result, str, os.PathLike, None]" = None,
    checkpoint: "Union[str, os.PathLike, None]" = None,
    max_time: Optional[float] = None,
    progress: "Union[None, bool, Callable[[dict], Any]]" = None,
    **options: Any,
) -> "Union[Result, Results]":
    """Computes the optimal transport map from a source measure to weighted targets, by `brenier solve`.

    y: [n, d], an array, a tensor, or a place (`file.npy`, `file.h5:/dataset`); weights: [n], positive, the same,
    default equal; source: "gaussian", "cube", "sphere", "ball", "spherical",
    "student" or "mixture"; tol: rho to be reached, None for no judgement (with
    curves=N); seed: of all random numbers; ranks: of mpiexec, default one for each core, 1 for small problems;
    threads: of a rank; classes: [n] labels, one map for each; conditions: [n, q] of the targets, or a place, and
    condition_weight: B, for the map of pairs (x, c) at the cost |x - y|^2 + B |c - c'|^2; start: a result to start
    from; checkpoint: a file from which the same call continues; max_time: seconds; progress: None for a bar on a
    terminal and in notebooks, True, False, or a function of each event of the log (docs/reference/log.md). Further
    options are those of `brenier solve`: curves=100000 is -curves 100000, a switch is True; log=FILE keeps the log.
    source_mean, source_factor, source_low and source_high are numbers, arrays or places; source_file is the file of a
    mixture, or a dict of its arrays weight [K], mean [K, d] and factor [K, d, d] or [d, d], which may be left out.

    Returns a Result, or Results when there are classes. A tolerance that is not reached is a warning NotReached, and
    a result. Ctrl-C stops the solve in order: without a checkpoint the best heights so far are the result, with a
    warning; with one the solve raises Stopped. A second Ctrl-C ends it at once. Raises a BrenierError with the
    program's sentence.
    """
    if classes is not None and start is not None:
        raise BadArguments("start is of one map; leave it out, or solve each class by itself")
    folder = tempfile.mkdtemp(prefix="brenier-")
    try:
        place, numbers, spoken = write_input(y, weights, folder)
        more, names = write_labels(classes, None if is_place(y) else len(y), folder, spoken)
        place += more + write_conditions(conditions, None if is_place(y) else len(y), folder, spoken)
        log = options.pop("log", None)
        given = {"source": source, "condition_weight": condition_weight, "tol": tol, "seed": seed, "threads": threads,
                 "max_time": max_time, **write_source(options, folder)}  # fmt: skip
        arguments = [*place, *words(given)]
        if start is not None:
            arguments += ["-start", os.path.abspath(start.path if isinstance(start, Result) else os.fspath(start))]
        output, kept = os.path.join(folder, "result.h5"), None
        if checkpoint is not None:
            kept = os.path.abspath(os.fspath(checkpoint))
            output = kept + ".result.h5"
            arguments += ["-checkpoint", kept]
        stop_file = os.path.join(folder, "stop")
        tell = follower(progress, tol)
        try:
            done = run(["solve", *arguments, "-o", output, "-stop_file", stop_file],
                       ranks=choose_ranks(ranks, threads, numbers), folder=folder, tell=tell, names=spoken,
                       stop_file=stop_file, log=log and os.path.abspath(os.fspath(log)))  # fmt: skip
        finally:
            if hasattr(tell, "close"):
                tell.close()
        result = finish(done, output, folder if kept is None else None)
        if names is not None:
            result.name(names)
        if kept is not None:
            shutil.rmtree(folder, ignore_errors=True)
        return result
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def save(array, name, folder, spoken):
    """An array as a file, whose path sentences of the program will call by the name that the caller knows."""
    path = os.path.join(folder, f"{name}.npy")
    np.save(path, array)
    spoken.append((path, name))
    return path


def write_labels(classes, n, folder, spoken):
    """Labels as a file: (words of the command line, the labels by their numbers where these are no integers)."""
    if classes is None or is_place(classes):
        return ([] if classes is None else ["-classes", absolute(classes)]), None
    labels = np.asarray(classes.detach().cpu() if hasattr(classes, "detach") else classes)
    if labels.ndim != 1 or (n is not None and len(labels) != n):
        raise BadInput(f"classes has shape {list(labels.shape)}, but y has {n} rows")
    names = None
    if labels.dtype.kind not in "iu":
        names, labels = np.unique(labels, return_inverse=True)
    return ["-classes", save(labels, "classes", folder, spoken)], names


def write_conditions(conditions, n, folder, spoken):
    """Conditions as a file: words of the command line."""
    if conditions is None or is_place(conditions):
        return [] if conditions is None else ["-conditions", absolute(conditions)]
    array = to_numpy(conditions, "conditions")
    if array.ndim not in (1, 2) or (n is not None and len(array) != n):
        raise BadInput(f"conditions has shape {list(array.shape)}, but y has {n} rows; give one condition for each")
    return ["-conditions", save(array, "conditions", folder, spoken)]


def finish(done, output, folder):
    """The result, with the folder it lies in as its own; a warning when the tolerance was not reached."""
    result = load(output)
    result.output = done.output
    if folder is not None:
        result.own(folder)
        for name in os.listdir(folder):
            if name != os.path.basename(output):
                os.remove(os.path.join(folder, name))
    if done.code == NOT_REACHED:
        reason = "" if result.status.startswith("stopped") else "tolerance not reached: "
        if isinstance(result, Results):
            reason = f"{np.count_nonzero(result.classes['exit'])} of {len(result)} classes missed: "
        warnings.warn(f"{reason}{result.status}; rho {result.rho:.3g}, {result.rho_low:.3g} to {result.rho_high:.3g}",
                      NotReached, stacklevel=3)  # fmt: skip
    return result


def write_input(y, weights, folder):
    """Targets and weights as files: (words of the command line, n d, pairs (path, spoken name))."""
    spoken = []
    if is_place(y):
        words, numbers, n = [absolute(y)], MANY, None
    else:
        array = to_numpy(y, "y")
        check_matrix(array, "y")
        words, numbers, n = [save(array, "y", folder, spoken)], array.size, len(array)
    if weights is not None and is_place(weights):
        words += ["-weights", absolute(weights)]
    elif weights is not None:
        array = to_numpy(weights, "weights")
        if n is not None:
            check_weights(array, n)
        words += ["-weights", save(array, "weights", folder, spoken)]
    return words, numbers, spoken


NUMBERS = ("source_mean", "source_factor", "source_low", "source_high")


def write_mixture(components, path):
    """Components of a mixture as the file that the program reads; returns its path."""
    if not {"weight", "mean"} <= set(components) <= {"weight", "mean", "factor"}:
        raise BadArguments("source_file is a file, or a dict of weight, mean and, if wanted, factor")
    with h5py.File(path, "w") as file:
        for name, value in components.items():
            if value is not None:
                file[name] = to_numpy(value, f"{name} of the mixture")
    return path


def write_source(options, folder):
    """Options of the source that are numbers, arrays or places, as words for the program."""
    found = dict(options)
    if isinstance(found.get("source_file"), dict):
        found["source_file"] = write_mixture(found["source_file"], os.path.join(folder, "mixture.h5"))
    elif found.get("source_file") is not None:
        found["source_file"] = os.path.abspath(os.fspath(found["source_file"]))
    for name in NUMBERS:
        value = found.get(name)
        if value is None or np.isscalar(value) and not isinstance(value, str):
            continue
        if is_place(value):
            found[name] = absolute(value)
        else:
            found[name] = os.path.join(folder, f"{name}.npy")
            np.save(found[name], to_numpy(value, name))
    return found
