"""Gradients of the transport cost for torch. Needs torch."""
import torch

from ._arrays import to_numpy
from .wasserstein import solve_cost


class TransportCost(torch.autograd.Function):
    """C(y, weights) = W2^2/2 from the source; forward solves, backward scales the gradients it left."""

    @staticmethod
    def forward(ctx, y, weights, options):
        nu = None if weights is None else to_numpy(weights, "weights")
        cost, of_y, of_weights = solve_cost(to_numpy(y, "y"), nu, options)
        ctx.has_weights = weights is not None
        ctx.save_for_backward(y.new_tensor(of_y), *([weights.new_tensor(of_weights)] if ctx.has_weights else []))
        return y.new_tensor(cost)

    @staticmethod
    def backward(ctx, slope):
        of_y, *rest = ctx.saved_tensors
        return slope * of_y, slope.to(rest[0]) * rest[0] if rest else None, None


def cost_of_tensors(y, weights, options):
    """The cost of targets and weights of which one at least is a tensor."""
    if not isinstance(y, torch.Tensor):
        y = torch.as_tensor(to_numpy(y, "y"))
    if not y.is_floating_point():
        y = y.to(torch.get_default_dtype())
    if weights is not None and not isinstance(weights, torch.Tensor):
        weights = torch.as_tensor(to_numpy(weights, "weights"))
    return TransportCost.apply(y, weights, options)
