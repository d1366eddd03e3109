"""Batches of a file of samples: every row once, whatever the order, the batch and the parts."""
import brenier_samples
import h5py
import numpy as np
import pytest
from brenier_files import BadFile
from brenier_samples import Samples

ROWS, DIM = 10007, 3


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(brenier_samples, "BLOCK_BYTES", 12000)
    code = np.arange(ROWS * DIM, dtype=np.float32).reshape(ROWS, DIM)
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file.attrs["format"], file.attrs["status"] = np.bytes_("brenier-samples"), np.bytes_("complete")
        for name, value in (("noise", -code), ("code", code), ("label", np.arange(ROWS) % 7)):
            file.create_dataset(name, data=value, chunks=(250, *value.shape[1:]))
    return tmp_path / "s.h5"


def rows(batches):
    return np.concatenate([code[:, 0] / DIM for _, code in batches])


def test_rows_in_order(path):
    with Samples(path) as samples:
        assert len(samples) == ROWS and samples.dim == DIM
        batches = list(samples.batches(1000))
        assert [len(code) for _, code in batches] == [1000] * 10 + [7]
        np.testing.assert_array_equal(rows(batches), np.arange(ROWS))
        assert all(np.array_equal(noise, -code) for noise, code in batches)


def test_shuffled_rows_come_once(path):
    with Samples(path) as samples:
        first, again, other = (rows(samples.batches(64, shuffle=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    for order in (first, other):
        np.testing.assert_array_equal(np.sort(order), np.arange(ROWS))
        assert np.mean(np.diff(order) == 1) < 0.01


def test_parts_share_the_rows(path):
    with Samples(path) as samples:
        seen = [rows(samples.batches(100, shuffle=3, part=part, parts=3)) for part in range(3)]
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(ROWS))


def test_torch_tensors(path):
    torch = pytest.importorskip("torch")
    with Samples(path) as samples:
        batches = list(samples.batches(1000, names=("code", "label"), shuffle=5, torch=True))
    assert all(code.dtype == torch.float32 and label.dtype == torch.int64 for code, label in batches)
    for code, label in batches:  # row and label stay together
        assert torch.equal((code[:, 0] / DIM).round().long() % 7, label)
    assert sum(len(code) for code, _ in batches) == ROWS


def test_wrong_use(path, tmp_path, result_file):
    with Samples(path) as samples, pytest.raises(BadFile, match="/draw"):
        next(samples.batches(10, names=("draw",)))
    with pytest.raises(BadFile, match="brenier sample"):
        Samples(result_file)
    with pytest.raises(BadFile, match="no such file"):
        Samples(tmp_path / "gone.h5")
