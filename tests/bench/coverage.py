#!/usr/bin/python3
"""How often the 95% intervals for rho and for the dual value of `brenier check` hold the truth: coverage over many
seeds.

The truth is that of one check with 100 times the curves, whose own error is a tenth of that of a single check. Prints a
line a case, writes all figures as JSON, and exits with 1 when a coverage lies outside 92% to 98%. With 200 seeds a true
coverage of 95% falls outside with probability 0.03, a case and a number at a time.

Cases: rho far above, near and far below the sampling error of a check, for the Gaussian and the cube; near it for other
sources.
"""
import argparse
import json
import os
import sys
import tempfile

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "end_to_end"), os.path.join(HERE, "..", "..", "analysis")]
from brenier_files import last_event, read_log, read_result  # noqa: E402
from problem import mixture  # noqa: E402
from program import brenier  # noqa: E402

TARGETS, DIM = 300, 8
# source and its options, curves of the solve (few: rho large), curves of a check (few: sampling error large)
CASES = {
    "gaussian, rho above the sampling error": ("gaussian", 400, 2000),
    "gaussian, rho near the sampling error": ("gaussian", 1500, 1000),
    "gaussian, rho below the sampling error": ("gaussian", 60000, 600),
    "cube, rho above the sampling error": ("cube", 1500, 8000),
    "cube, rho near the sampling error": ("cube", 6000, 3000),
    "cube, rho below the sampling error": ("cube", 200000, 2000),
    "ball": ("ball", 1500, 1000),
    "spherical": ("spherical", 1500, 1000),
    "student": ("student -source_dof 3", 1500, 1000),
    "normal, mean and factor": ("gaussian -source_mean 2 -source_factor 0.5", 1500, 1000),
    "mixture": ("mixture -source_file mixture.h5", 1500, 1000),
    "box": ("cube -source_low -1 -source_high 3", 6000, 3000),
}
MIXTURE = "mixture.h5"  # written before the solve: five normal laws
REFERENCE = 100  # times the curves of a check
LEAST, MOST = 0.92, 0.98


def check(result, curves, seed, folder):
    log = os.path.join(folder, "log")
    brenier("check", result, "-curves", curves, "-seed", seed, "-log", log, ranks=1)
    return last_event(read_log(log), "check")


def write_mixture(path):
    rng = np.random.default_rng(6)
    with h5py.File(path, "w") as file:
        file["weight"] = np.full(5, 0.2)
        file["mean"] = 1.5 * rng.standard_normal((5, DIM))
        file["factor"] = np.eye(DIM) + 0.3 * rng.standard_normal((5, DIM, DIM))


def one_case(name, seeds, folder):
    source, solve_curves, curves = CASES[name]
    result = os.path.join(folder, "result.h5")
    targets = os.path.join(folder, "targets.npy")
    np.save(targets, mixture(TARGETS, DIM, seed=5))
    if "mixture" in source:
        write_mixture(os.path.join(folder, MIXTURE))
    brenier("solve", targets, "-source", *source.split(), "-curves", solve_curves, "-o", result, cwd=folder)
    truth = check(result, REFERENCE * curves, 10**6, folder)
    events = [check(result, curves, seed, folder) for seed in range(1, seeds + 1)]
    fields = ("rho_low", "rho_high", "sampling_error", "dual_low", "dual_high")
    low, high, sampling_error, *dual = (np.array([event[field] for event in events]) for field in fields)
    wanted = truth["rho"]
    return {
        "source": source, "targets": TARGETS, "dim": DIM, "curves": curves, "seeds": seeds,
        "rho_true": wanted, "rho_true_low": truth["rho_low"], "rho_true_high": truth["rho_high"],
        "sampling_error": float(np.mean(sampling_error)),
        "coverage": float(np.mean((low <= wanted) & (wanted <= high))),
        "too_high": float(np.mean(low > wanted)), "too_low": float(np.mean(high < wanted)),
        "dual_true": truth["dual"], "dual_width": float(np.mean(dual[1] - dual[0])),
        "dual_coverage": float(np.mean((dual[0] <= truth["dual"]) & (truth["dual"] <= dual[1]))),
        "solve_status": read_result(result).status,
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-seeds", type=int, default=200)
    parser.add_argument("-case", action="append", choices=list(CASES), help="only this one (may be repeated)")
    parser.add_argument("-o", default="coverage.json", help="figures as JSON; default coverage.json")
    arguments = parser.parse_args()
    figures = {}
    for name in arguments.case or CASES:
        with tempfile.TemporaryDirectory() as folder:
            f = figures[name] = one_case(name, arguments.seeds, folder)
        print(f"{name:38s} rho {f['rho_true']:.4f}  sampling error {f['sampling_error']:.4f}  "
              f"coverage {100 * f['coverage']:.1f}%  "
              f"(above {100 * f['too_high']:.1f}%, below {100 * f['too_low']:.1f}%)  dual {f['dual_true']:.5g}  "
              f"width {f['dual_width']:.3g}  coverage {100 * f['dual_coverage']:.1f}%", flush=True)  # fmt: skip
        with open(arguments.o, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)
    names = ("coverage", "dual_coverage")
    return 0 if all(LEAST <= f[name] <= MOST for f in figures.values() for name in names) else 1


if __name__ == "__main__":
    sys.exit(main())
