"""Couplings: marginals, shards, workers, resumption."""
import itertools
import pickle

import brenier
import numpy as np
import pytest
import torch
from brenier import couplings
from package_problems import points
from scipy import stats
from torch.utils.data import DataLoader

CHANCE = 1e-6  # probability that a right stream fails a chi-square test, for a seed that nobody chose


def take(iterator, count):
    return list(itertools.islice(iterator, count))


def uniform(values):
    """Whether values on [0, 1] are uniform, by chi-square with 50 bins."""
    return stats.chisquare(np.histogram(values, bins=50, range=(0, 1))[0]).pvalue > CHANCE


@pytest.mark.parametrize("source, options", [
    ("ball", {}),
    ("spherical", {}),
    ("student", {"source_dof": 3.5}),
    ("gaussian", {"source_mean": np.array([1.0, -2.0]), "source_factor": np.array([[1.0, 0.0], [0.7, 2.0]])}),
    ("cube", {"source_low": np.array([0.0, 2.0]), "source_high": 3}),
    ("mixture", {"source_file": {
        "weight": np.array([0.6, 0.4]), "mean": np.array([[1.0, 2.0], [-2.0, 0.0]]),
        "factor": np.array([[[1.0, 0.0], [0.7, 2.0]], [[0.5, 0.0], [0.0, 1.0]]])}}),
    ("mixture", {"source_file": {"weight": np.full(3, 1 / 3), "mean": np.array([[1.0, 2.0], [-2.0, 0.0], [0.0, 0.0]]),
                                 "factor": np.array([[1.0, 0.0], [0.7, 2.0]])}}),
])  # fmt: skip
def test_other_sources(source, options):
    """Noise of the couplings has the law of the noise that the program draws: both are carried to the same masses."""
    result = brenier.solve(points(40, 2), source=source, tol=0.05, **options)
    noise, code, index = next(result.couplings(40000, seed=5, index=True))
    np.testing.assert_array_equal(index, result.index(noise))
    drawn = result.sample(40000, seed=3)
    other = np.bincount(drawn.index, minlength=40)
    table = [np.bincount(index, minlength=40), other]
    assert stats.chi2_contingency(table).pvalue > CHANCE
    for k in range(2):
        assert stats.ks_2samp(noise[:, k], drawn.noise[:, k]).pvalue > CHANCE


@pytest.mark.parametrize("source, dim", [("gaussian", 1), ("gaussian", 2), ("cube", 2), ("sphere", 2)])
def test_marginals(source, dim):
    """Codes have the masses of their cells, which are exact here; coordinates of noise have the law of the source."""
    result = brenier.solve(points(60, dim), np.random.default_rng(3).uniform(1, 4, 60), source=source)
    batches = take(result.couplings(5000, seed=5, index=True), 20)
    noise, code, index = (np.concatenate(part) for part in zip(*batches))
    np.testing.assert_array_equal(code, result.targets[index].astype(np.float32))
    np.testing.assert_array_equal(index, result.index(noise))
    count = np.bincount(index, minlength=60)
    assert stats.chisquare(count, len(index) * result.mass).pvalue > CHANCE
    for x in noise.T.astype(float):
        if source == "gaussian":
            assert uniform(stats.norm.cdf(x))
        if source == "cube":
            assert uniform(x + 0.5)
    if source == "sphere":
        np.testing.assert_allclose((noise**2).sum(axis=1), 1, rtol=1e-5)
        assert uniform(np.arctan2(noise[:, 1], noise[:, 0]) / (2 * np.pi) + 0.5)


def test_targets_of_lower_rank():
    """Noise has all dimensions of the targets, whatever they span."""
    y = points(30, 2) @ np.random.default_rng(1).standard_normal((2, 4))
    result = brenier.solve(y)
    noise, code, index = next(result.couplings(50000, index=True))
    assert noise.shape == code.shape == (50000, 4)
    assert stats.chisquare(np.bincount(index, minlength=30), 50000 * result.mass).pvalue > CHANCE


def test_two_ranks_share_one_stream(sampled):
    whole = take(sampled.couplings(16, seed=9), 8)
    parts = [take(sampled.couplings(16, seed=9, rank=rank, world=2), 4) for rank in (0, 1)]
    for k, (noise, code) in enumerate(whole):
        np.testing.assert_array_equal(noise, parts[k % 2][k // 2][0])
        np.testing.assert_array_equal(code, parts[k % 2][k // 2][1])
    rows = np.concatenate([noise for noise, _ in whole])
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert not np.array_equal(whole[0][0], next(sampled.couplings(16, seed=10))[0])


def test_resumed_at_a_step(sampled):
    iterator = sampled.couplings(16, seed=2)
    take(iterator, 3)
    state = iterator.state()
    after = next(iterator)[0]
    assert state["step"] == 3 and iter(iterator) is iterator
    np.testing.assert_array_equal(next(sampled.couplings(16, seed=2, start=state))[0], after)
    np.testing.assert_array_equal(next(sampled.couplings(16, seed=2, start=3))[0], after)
    with pytest.raises(brenier.BadArguments, match="start has seed 2, but seed is 3"):
        sampled.couplings(16, seed=3, start=state)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_of_a_loader_share_the_stream(sampled, workers):
    """The same batches in the same order for any number of workers, on each of two ranks, also from a later start."""
    for rank in (0, 1):
        expected = take(sampled.couplings(8, seed=4, rank=rank, world=2), 6)
        loader = DataLoader(
            sampled.dataset(8, seed=4, rank=rank, world=2, start=1), batch_size=None, num_workers=workers
        )
        for (noise, code), (x0, x1) in zip(expected[1:], loader):
            assert isinstance(x0, torch.Tensor) and x0.dtype == torch.float32
            np.testing.assert_array_equal(x0.numpy(), noise)
            np.testing.assert_array_equal(x1.numpy(), code)


def test_double_precision_and_tensors(sampled):
    noise, code = next(sampled.couplings(8, dtype=np.float64))
    assert noise.dtype == code.dtype == np.float64
    x0, x1, index = next(sampled.couplings(8, device="cpu", index=True))
    assert torch.equal(sampled.map(x0), x1) and torch.equal(sampled.index(x0), index)
    again = pickle.loads(pickle.dumps(sampled.couplings(8)))
    np.testing.assert_array_equal(next(again)[0], x0.numpy())


def test_scale_of_the_source():
    noise = couplings.draw_noise("gaussian", 3.0, 2, 5, 1, 0)
    np.testing.assert_allclose(noise, 3 * couplings.draw_noise("gaussian", 1.0, 2, 5, 1, 0), rtol=1e-6)


def test_arguments_that_are_refused(sampled):
    for arguments, words in (
        ({"batch": 0}, "batch is 0; it is a whole number from 1 on"),
        ({"batch": 1.5}, "batch is 1.5"),
        ({"batch": True}, "batch is True"),
        ({"batch": 4, "seed": -1}, "seed is -1"),
        ({"batch": 4, "rank": 2, "world": 2}, "rank is 2; it is a whole number from 0 to 1"),
        ({"batch": 4, "start": -1}, "start is -1"),
        ({"batch": 4, "dtype": np.int32}, "it is float32 or float64"),
    ):
        with pytest.raises(brenier.BadArguments, match=words):
            sampled.couplings(**arguments)
    with pytest.raises(brenier.BadArguments, match="know no source 'bell'"):
        brenier.Couplings(sampled.targets, sampled.heights, "bell", 1, 4)
