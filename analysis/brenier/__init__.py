"""Brenier from Python: semi-discrete optimal transport maps.

    import brenier
    result = brenier.solve(y)      # y: [n, d], NumPy or torch
    x1 = result.map(x0)            # the target of each point of the source

Needs NumPy, h5py and the program brenier; torch is used when the caller uses it. docs/python.md says more.
"""
from ._frechet import Frechet, frechet
from ._solve import solve
from .classes import ClassCouplings, LabelledSamples, Results
from .couplings import Couplings
from .errors import (
    BadArguments,
    BadFile,
    BadInput,
    BrenierError,
    BrenierWarning,
    Bug,
    InputOutput,
    Killed,
    NotReached,
    NumericalFailure,
    OutOfResources,
    Stopped,
)
from .result import ConditionedSamples, Facets, Result, Samples, load
from .wasserstein import transport_cost, w2

__version__ = "0.1.0"

__all__ = ["solve", "load", "w2", "transport_cost", "frechet", "Result", "Results", "Facets", "Samples", "Couplings",
           "ClassCouplings", "LabelledSamples", "ConditionedSamples",
           "Frechet", "BrenierError", "BadArguments", "BadInput", "BadFile", "InputOutput", "NumericalFailure",
           "OutOfResources", "Stopped", "Killed", "Bug", "BrenierWarning", "NotReached"]  # fmt: skip
