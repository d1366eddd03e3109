"""Files as the program writes them (docs/reference/files.md, docs/reference/log.md), made up."""
import json

import h5py
import numpy as np

COLUMNS = "iteration,evaluations,seconds,energy,l1,rho,sampling_error,empty,damping,step,linear_iterations"
ATTRIBUTES = {
    "format": "brenier-result", "format_version": 1, "software": "brenier", "version": "0.1.0",
    "created": "2024-01-01T00:00:00Z", "rho": 0.098, "rho_low": 0.094, "rho_high": 0.102, "tv": 0.039, "energy": 1.5,
    "w2": 10.0, "w2_bound_low": 9.9, "w2_bound_high": 10.1, "source": "gaussian", "dim": 8, "seed": 1, "curves": 4000,
    "n_targets": 300, "empty": 0, "largest_error": 0.4, "status": "converged",
}  # fmt: skip


def history_rows(iterations=9):
    """A plausible history: rho falls to a tenth of the sampling error, which falls when curves are added."""
    k = np.arange(iterations)
    rho = 1.2 * np.exp(-0.6 * k)
    noise = np.where(k < iterations // 2, 0.4, 0.08)
    columns = [k, k + 1, 0.7 * k**1.3, 1.5 + rho**2, 0.7 * rho, rho, noise, np.maximum(0, 40 - 20 * k), 0.1 / (k + 1)]
    return np.stack(columns + [np.ones(iterations), 12 + k], axis=1)


def write_result(path, n=300, dim=8, seed=5, images=60, **changes):
    """A result file after the contract; a change to None leaves that attribute or dataset out."""
    rng = np.random.default_rng(seed)
    nu = np.full(n, 1 / n)
    true = nu * np.exp(0.09 * rng.standard_normal(n))
    error = 0.06 * nu * np.sqrt(true / nu)
    datasets = {
        "targets": rng.standard_normal((n, dim)), "weights": nu, "heights": rng.standard_normal(n),
        "mass": true + error * rng.standard_normal(n), "mass_error": error, "row": np.arange(n) % images,
        "history": history_rows(),
    }  # fmt: skip
    attributes = {**ATTRIBUTES, "n_targets": n, "dim": dim}
    for name, value in changes.items():
        (datasets if name in datasets else attributes)[name] = value
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            if value is not None:
                file[name] = value
        if datasets["history"] is not None:
            file["history"].attrs["columns"] = COLUMNS
        group = file.create_group("provenance")
        group.attrs["options"] = "-curves 4000"
        for name, value in attributes.items():
            if value is not None:
                # the program writes fixed-length text, h5py variable-length text: readers take both
                file.attrs[name] = np.bytes_(value) if name == "source" else value
    return path


def write_log(path, iterations=9, end=True):
    names = COLUMNS.split(",")
    lines = [{"event": "start", "seconds": 0.0}]
    for row in history_rows(iterations):
        lines.append({"event": "iteration", **dict(zip(names, row.tolist()))})
    if end:
        lines.append({"event": "held_out", "seconds": 20.0, "rho": 0.098, "rho_low": 0.094, "rho_high": 0.102})
        lines.append({"event": "end", "seconds": 21.0})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
