"""brenier encode and decode against NumPy's eigendecomposition of the covariance."""
import h5py
import numpy as np
import pytest
from brenier_files import as_python
from program import brenier

RANKS = [1, 3]
SINGLE = 2.0**-23  # relative rounding of what is stored in single precision


def random_data(rows=200, shape=(5, 4), rank=None, seed=1):
    """Rows that vary unlike in every direction, away from the origin; in `rank` directions only when it is given."""
    rng = np.random.default_rng(seed)
    width = int(np.prod(shape))
    rank = rank or width
    spread = np.arange(1, rank + 1) ** -1.0
    x = 3.0 + (rng.normal(size=(rows, rank)) * spread) @ np.linalg.qr(rng.normal(size=(width, width)))[0][:rank]
    return x.reshape(rows, *shape)


def principal_components(x):
    """Mean, components (largest entry positive) and variances (divided by n) of rows, descending."""
    mean = x.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    components = vectors.T[::-1]
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    return mean, components * np.sign(largest), values[::-1]


def encode(folder, x, dim, ranks):
    """Encodes x; returns the process, the path and the content of the file."""
    data, path = folder / "data.npy", folder / "codes.h5"
    np.save(data, x)
    done = brenier("encode", data, "-dim", dim, "-o", path, ranks=ranks)
    with h5py.File(path) as file:
        content = {name: file[name][...] for name in ("codes", "mean", "components", "variance")}
        content["attributes"] = {name: as_python(value) for name, value in file.attrs.items()}
    return done, path, content


def decode(folder, path, ranks, *options):
    """Decodes; returns the rows."""
    output = folder / "decoded.h5"
    brenier("decode", path, "-o", output, *options, ranks=ranks)
    with h5py.File(output) as file:
        assert file.attrs["format"] == b"brenier-data"
        assert file["data"].dtype == np.float32
        return file["data"][...]


@pytest.mark.parametrize("ranks", RANKS)
def test_encode_agrees_with_numpy(tmp_path, ranks):
    x, dim = random_data(), 6
    rows = x.reshape(len(x), -1)
    _, path, found = encode(tmp_path, x, dim, ranks)
    mean, components, variance = principal_components(rows)
    codes = (rows - mean) @ components[:dim].T
    np.testing.assert_allclose(found["mean"], mean, atol=1e-13)
    np.testing.assert_allclose(found["variance"], variance, atol=1e-13)
    np.testing.assert_allclose(found["components"], components[:dim], atol=1e-10)
    np.testing.assert_allclose(found["codes"], codes, atol=SINGLE * np.abs(codes).max())
    assert found["codes"].dtype == np.float32
    decoded = decode(tmp_path, path, ranks)
    np.testing.assert_allclose(decoded, mean + codes @ components[:dim], atol=1e-5)

    attributes = found["attributes"]
    assert (attributes["rows"], attributes["features"], attributes["dim"]) == (200, 20, dim)
    assert attributes["variance_kept"] == pytest.approx(variance[:dim].sum() / variance.sum(), abs=1e-12)
    error = np.sqrt(((rows - decoded) ** 2).sum() / ((rows - mean) ** 2).sum())
    assert attributes["reconstruction_error"] == pytest.approx(error, rel=1e-5)
    assert attributes["reconstruction_error"] ** 2 == pytest.approx(1 - attributes["variance_kept"], rel=1e-4)
    assert 0 < attributes["eigen_residual"] < 1e-12 and 0 < attributes["eigen_orthogonality"] < 1e-12
    assert (attributes["format"], attributes["status"]) == ("brenier-codes", "complete")
    assert attributes["input"] == str(tmp_path / "data.npy")


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("rows", [200, 12])
def test_rank_deficient_data_come_back_whole(tmp_path, ranks, rows):
    x, rank, dim = random_data(rows, shape=(90,), rank=3), 3, 5
    done, path, found = encode(tmp_path, x, dim, ranks)
    assert "vary in 3 directions only, with rounding noise in the other 2 components" in done.stdout
    _, components, variance = principal_components(x)
    np.testing.assert_allclose(found["components"][:rank], components[:rank], atol=1e-9)
    np.testing.assert_allclose(found["components"] @ found["components"].T, np.eye(dim), atol=1e-12)
    np.testing.assert_allclose(found["variance"], variance, atol=1e-13)
    np.testing.assert_allclose(decode(tmp_path, path, ranks), x, atol=1e-5)
    assert found["attributes"]["reconstruction_error"] < 1e-6


def test_all_components_lose_nothing(tmp_path):
    x = random_data(shape=(20,))
    _, path, found = encode(tmp_path, x, 20, 1)
    assert found["attributes"]["variance_kept"] == 1.0
    np.testing.assert_allclose(decode(tmp_path, path, 1), x, atol=1e-5)


def test_fewer_rows_than_ranks(tmp_path):
    x = random_data(2, shape=(3,))
    _, path, found = encode(tmp_path, x, 1, 5)
    assert found["codes"].shape == (2, 1)
    np.testing.assert_allclose(decode(tmp_path, path, 5), x, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale_of_the_data_does_not_matter(tmp_path, scale):
    x = random_data(shape=(20,)) * scale
    _, path, found = encode(tmp_path, x, 20, 2)
    assert found["attributes"]["reconstruction_error"] < 1e-6
    np.testing.assert_allclose(decode(tmp_path, path, 2) / scale, x / scale, atol=1e-5)


@pytest.mark.parametrize("ranks", RANKS)
def test_decode_takes_codes_from_elsewhere(tmp_path, ranks):
    _, path, found = encode(tmp_path, random_data(), 6, 1)
    codes = np.random.default_rng(2).normal(size=(31, 6))
    np.save(tmp_path / "new.npy", codes)
    with h5py.File(tmp_path / "new.h5", "w") as file:
        file["code"], file["noise"] = codes, codes + 1
    wanted = found["mean"] + codes @ found["components"]
    for where in ("new.npy", "new.h5:/code"):
        decoded = decode(tmp_path, path, ranks, "-codes", tmp_path / where)
        np.testing.assert_allclose(decoded, wanted, atol=1e-5)


def refuse(code, words, *arguments, ranks=1):
    """Expects that exit code, and one sentence on standard error with these words in it."""
    done = brenier(*arguments, ranks=ranks, code=code)
    assert done.stderr.count("brenier: error:") == 1
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("ranks", RANKS)
def test_refuses_impossible_dimensions(tmp_path, ranks):
    data, output = tmp_path / "data.npy", tmp_path / "codes.h5"
    np.save(data, random_data(10, shape=(30,)))
    refuse(2, ("-dim 31", "30 features", "data.npy"), "encode", data, "-dim", 31, "-o", output, ranks=ranks)
    refuse(2, ("-dim 10", "at least 11 rows"), "encode", data, "-dim", 10, "-o", output, ranks=ranks)
    refuse(2, ("-dim",), "encode", data, "-dim", 0, "-o", output, ranks=ranks)
    refuse(2, ("-dim",), "encode", data, "-o", output, ranks=ranks)
    refuse(2, ("-o",), "encode", data, "-dim", 2, ranks=ranks)
    assert not output.exists()


def test_refuses_bad_data(tmp_path):
    data, output = tmp_path / "data.npy", tmp_path / "codes.h5"
    np.save(data, np.full((10, 4), 7.0))
    refuse(3, ("data.npy", "rows are equal"), "encode", data, "-dim", 2, "-o", output)
    np.save(data, random_data(shape=(20,)) * 1e100)
    refuse(3, ("data.npy", "single precision"), "encode", data, "-dim", 2, "-o", output)
    np.save(data, np.eye(3, 30001))
    refuse(3, ("30001 features",), "encode", data, "-dim", 2, "-o", output)
    refuse(4, ("does not exist",), "encode", data, "-dim", 2, "-o", tmp_path / "none" / "codes.h5")
    assert not output.exists()


@pytest.mark.parametrize("ranks", RANKS)
def test_decode_refuses_what_does_not_fit(tmp_path, ranks):
    _, path, _ = encode(tmp_path, random_data(), 6, 1)
    np.save(tmp_path / "new.npy", np.zeros((4, 7)))
    output = tmp_path / "decoded.h5"
    new = tmp_path / "new.npy"
    refuse(3, ("dimension 7", "6 components"), "decode", path, "-codes", new, "-o", output, ranks=ranks)
    decode(tmp_path, path, ranks)
    refuse(3, ("brenier-data", "brenier-codes"), "decode", output, "-o", tmp_path / "again.h5", ranks=ranks)
    refuse(4, ("none.h5",), "decode", tmp_path / "none.h5", "-o", output, ranks=ranks)


def test_damaged_encoder_is_noticed(tmp_path):
    _, path, found = encode(tmp_path, random_data(), 6, 1)
    content = bytearray(path.read_bytes())
    content[content.find(found["components"].tobytes()) + 8] ^= 1
    path.write_bytes(content)
    refuse(3, ("damaged",), "decode", path, "-o", tmp_path / "decoded.h5", ranks=3)
