"""Arrays come through every pair of formats unchanged; what cannot be converted is refused with one sentence."""
import importlib.util
import os

import convert
import h5py
import numpy as np
import pytest

# torch is optional, and large: what needs it is tested where it is installed
HAS_TORCH = importlib.util.find_spec("torch") is not None
TORCH_KINDS = ["pt"] if HAS_TORCH else []
CODES = np.random.default_rng(1).standard_normal((7, 3)).astype(np.float32)


def run(place, out, *options):
    return convert.main([str(place), "-o", str(out), *options])


@pytest.fixture
def samples(tmp_path):
    """As brenier sample writes them, the attributes apart."""
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["code"], file["index"] = CODES, np.arange(7)
    return tmp_path / "s.h5"


@pytest.mark.parametrize("kind", ["npz", "h5", *TORCH_KINDS])
def test_all_arrays_there_and_back(tmp_path, samples, kind):
    there, back = tmp_path / f"there.{kind}", tmp_path / "back.h5"
    assert run(samples, there) == 0 and run(there, back) == 0
    with h5py.File(back) as file:
        np.testing.assert_array_equal(file["code"][()], CODES)
        np.testing.assert_array_equal(file["index"][()], np.arange(7))
        assert file["code"].dtype == np.float32 and set(file) == {"code", "index"}


@pytest.mark.parametrize("kind", ["npy", "npz", "h5", *TORCH_KINDS])
def test_one_array(tmp_path, samples, kind):
    there, back = tmp_path / f"one.{kind}", tmp_path / "one_back.npy"
    assert run(f"{samples}:/code", there) == 0 and run(there, back) == 0
    np.testing.assert_array_equal(np.load(back), CODES)


def test_integers_become_floats_in_npy(tmp_path, samples):
    assert run(f"{samples}:/index", tmp_path / "i.npy") == 0
    assert np.load(tmp_path / "i.npy").dtype == float


if HAS_TORCH:

    def test_tensors(tmp_path):
        import torch

        image = torch.arange(24, dtype=torch.bfloat16).reshape(2, 3, 2, 2)
        torch.save({"model": {"z": image.requires_grad_()}, "epoch": 3}, tmp_path / "t.pt")
        assert run(f"{tmp_path}/t.pt:/model/z", tmp_path / "z.npy", "-flatten") == 0
        np.testing.assert_array_equal(np.load(tmp_path / "z.npy"), np.arange(24.0).reshape(2, 12))

    def test_code_in_a_torch_file_is_not_run(tmp_path, capsys):
        import torch

        torch.save({"f": os.system}, tmp_path / "t.pt")
        assert run(tmp_path / "t.pt", tmp_path / "o.h5") == 3
        assert "tensors" in capsys.readouterr().err


def test_anndata(tmp_path):
    matrix = np.array([[0, 2, 0], [0, 0, 0], [1, 0, 3]], dtype=np.float32)
    path = tmp_path / "a.h5ad"
    with h5py.File(path, "w") as file:
        group = file.create_group("X")
        group["data"], group["indices"], group["indptr"] = [2.0, 1.0, 3.0], [1, 0, 2], [0, 1, 1, 3]
        group.attrs["shape"], group.attrs["encoding-type"] = matrix.shape, "csr_matrix"
    assert run(path, tmp_path / "x.npy") == 0
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), matrix)
    with h5py.File(path, "a") as file:
        file["obsm/X_pca"] = CODES
    assert run(path, tmp_path / "p.npy") == 0
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), CODES)
    with h5py.File(path, "a") as file:
        file["X"].attrs["encoding-type"] = "csc_matrix"
    assert run(f"{path}:/X", tmp_path / "x.npy") == 3


def test_refused(tmp_path, samples, capsys):
    np.save(tmp_path / "text.npy", np.array(["a"]))
    np.save(tmp_path / "object.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "cut.npz").write_bytes(b"PK\3\4")
    (tmp_path / "old").write_text("kept")
    before = sorted(os.listdir(tmp_path))
    for place, out, words in [
        (samples, "o.npy", "code, index"),
        (f"{samples}:/gone", "o.npy", "no array gone"),
        (tmp_path / "gone.npy", "o.h5", "no such file"),
        (tmp_path / "text.npy", "o.h5", "numbers"),
        (tmp_path / "object.npy", "o.h5", "plain arrays"),
        (tmp_path / "cut.npz", "o.h5", "cut.npz"),
        (tmp_path / "old", "o.h5", "not read"),
        (samples, "o.mat", "not written"),
    ]:
        assert run(place, tmp_path / out) == 3
        assert words in capsys.readouterr().err
    assert run(f"{samples}:/code", tmp_path / "none" / "o.npy") == 4
    assert sorted(os.listdir(tmp_path)) == before
