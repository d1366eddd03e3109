"""The Wasserstein distance as a function of targets and weights, with its gradients.

C(y, nu) = W2^2/2 has the gradients (Merigot and Thibert, Optimal transport: discretization and algorithms, 2021)

    dC/dy_i = nu_i (y_i - b_i),    dC/dnu_i = psi_i,

the second up to one constant, as the weights sum to 1. Weights are divided by their sum s, so the gradient by an
unnormalised weight is (psi_i - sum_j nu_j psi_j) / s.
"""
from typing import Any

import numpy as np

from ._arrays import is_place, is_tensor, to_numpy
from ._solve import solve
from .errors import BadArguments


def solve_cost(y, weights, options):
    """(C, dC/dy [n, d], dC/dweights [n]) for arrays, duplicates among the targets included."""
    result = solve(y, weights, **options)
    i = target_of_row(y, result.row)
    share = np.full(len(y), 1.0) if weights is None else weights.astype(np.float64)
    total = share.sum()
    nu = share / total
    pull = result.targets - result.barycenters
    of_y = nu[:, None] * np.nan_to_num(pull)[i]
    psi = result.psi[i]
    return result.dual, of_y, (psi - nu @ psi) / total


def target_of_row(y, row):
    """The target of each row of y [n, d], where target i came first from row[i]."""
    target = np.empty(len(y), dtype=np.int64)
    if len(row) == len(y):
        target[row] = np.arange(len(row))
        return target
    _, place = np.unique(y, axis=0, return_inverse=True)
    target[place[row]] = np.arange(len(row))
    return target[place]


def transport_cost(y: Any, weights: Any = None, **options: Any) -> Any:
    """W2^2/2 from the source to the targets y [n, d] with weights [n] (default equal): the dual value of a solve.

    For arrays a float. For tensors a scalar tensor, with gradients nu_i (y_i - b_i) for y and psi_i for weights that
    require one. Options are those of `solve`. Where cells are exact (targets that span at most three dimensions)
    value and gradients are exact; elsewhere they are estimates, and a smaller tol makes them better.
    """
    if is_place(y) or is_place(weights):
        raise BadArguments("y and weights are to be arrays or tensors")
    if options.get("classes") is not None:
        raise BadArguments("classes have no common cost")
    options = {"progress": False, **options}
    if is_tensor(y) or is_tensor(weights):
        from ._autograd import cost_of_tensors

        return cost_of_tensors(y, weights, options)
    nu = None if weights is None else to_numpy(weights, "weights")
    return float(solve(to_numpy(y, "y"), nu, **options).dual)


def w2(y: Any, weights: Any = None, **options: Any) -> Any:
    """W2, the root of twice `transport_cost`, with its gradients by the chain rule."""
    cost = transport_cost(y, weights, **options)
    return (2 * cost) ** 0.5 if is_tensor(cost) else float(np.sqrt(max(0.0, 2 * cost)))
