"""W2 and its gradients against finite differences, where cells are exact; the Frechet distance."""
import brenier
import numpy as np
import pytest
import torch
from package_problems import points

STEP = 1e-4


def agrees(function, x, gradient):
    """Whether a gradient is that of a function of one array: central differences along two directions."""
    for direction in np.random.default_rng(8).standard_normal((2, *x.shape)):
        slope = (function(x + STEP * direction) - function(x - STEP * direction)) / (2 * STEP)
        np.testing.assert_allclose((direction * gradient).sum(), slope, atol=1e-6)


@pytest.mark.parametrize("dim, source, function", [
    (1, "gaussian", brenier.transport_cost),
    (2, "gaussian", brenier.transport_cost),
    (2, "gaussian", brenier.w2),
    (2, "cube", brenier.transport_cost),
])  # fmt: skip
def test_gradients(dim, source, function):
    y, nu = points(6, dim), np.random.default_rng(5).uniform(1, 3, 6)
    given, weights = torch.tensor(y, requires_grad=True), torch.tensor(nu, requires_grad=True)
    value = function(given, weights, source=source)
    value.backward()
    assert value.item() == pytest.approx(function(y, nu, source=source), rel=1e-12)
    agrees(lambda moved: function(moved, nu, source=source), y, given.grad.numpy())
    agrees(lambda moved: function(y, moved, source=source), nu, weights.grad.numpy())


def test_gradients_in_the_words_of_the_result():
    y, nu = points(12, 2), np.random.default_rng(5).uniform(1, 3, 12)
    nu /= nu.sum()
    result = brenier.solve(y, nu)
    given, weights = torch.tensor(y, requires_grad=True), torch.tensor(nu, requires_grad=True)
    brenier.transport_cost(given, weights).backward()
    place = np.argsort(result.row)
    pull = (result.weights[:, None] * (result.targets - result.barycenters))[place]
    np.testing.assert_allclose(given.grad.numpy(), pull, atol=1e-12)
    psi = result.psi[place]
    np.testing.assert_allclose(weights.grad.numpy(), psi - nu @ psi, atol=1e-12)


def test_duplicates_and_equal_weights():
    y = np.concatenate([points(5, 2), points(2, 2)])  # two rows twice
    given = torch.tensor(y, dtype=torch.float32, requires_grad=True)
    brenier.w2(given).backward()
    assert given.grad.dtype == torch.float32 and torch.equal(given.grad[:2], given.grad[5:])
    both = (given.grad[0] + given.grad[5]).numpy()  # both copies moved together
    agrees(lambda move: brenier.w2(y + np.outer([1, 0, 0, 0, 0, 1, 0], move)), np.zeros(2), both)


def test_kinds_of_arguments():
    y = np.round(4 * points(6, 2))
    assert brenier.w2(y) == pytest.approx(np.sqrt(2 * brenier.transport_cost(y)))
    weights = torch.ones(6, requires_grad=True)
    brenier.transport_cost(torch.tensor(y).int(), weights).backward()
    assert weights.grad.shape == (6,)
    brenier.w2(y.tolist(), weights)
    assert brenier.w2(torch.tensor(y, requires_grad=True), list(range(1, 7))).requires_grad
    with pytest.raises(brenier.BadArguments, match="arrays or tensors"):
        brenier.w2("y.npy")
    with pytest.raises(brenier.BadArguments, match="no common cost"):
        brenier.w2(y, classes=[0, 1, 2, 0, 1, 2])


def test_frechet(tmp_path):
    a, b = points(400, 3), 2 * points(300, 3, seed=2) + 1
    mean = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    s, t = np.cov(a.T), np.cov(b.T)
    root = np.sqrt(np.linalg.eigvals(s @ t).real).sum()
    expected = mean + np.trace(s) + np.trace(t) - 2 * root
    found = brenier.frechet(a, torch.tensor(b))
    assert float(found) == pytest.approx(expected, rel=1e-10)
    assert found.low < found.extrapolated < found.high and found.error > 0
    np.save(tmp_path / "a.npy", a)
    alone = brenier.frechet(tmp_path / "a.npy", b, splits=0, ranks=1)
    assert alone.value == pytest.approx(expected, rel=1e-10) and alone.low is None
    with pytest.raises(brenier.BadInput, match="a has 3 columns, but b has 2"):
        brenier.frechet(a, b[:, :2])
    with pytest.raises(brenier.BadInput, match="b: row 0"):
        brenier.frechet(a, np.full((4, 3), np.nan))
