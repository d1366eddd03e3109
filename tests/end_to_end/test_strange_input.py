"""Input that is unusual and right: it works, and the masses it gives are those asked for."""
import h5py
import numpy as np
import pytest
from brenier_files import read_dataset, read_result
from program import SOURCES, brenier


def solve(folder, y, *options, weights=None, ranks=1, code=0):
    np.save(folder / "y.npy", y)
    if weights is not None:
        np.save(folder / "w.npy", weights)
        options = (*options, "-weights", "w.npy")
    done = brenier("solve", "y.npy", "-o", "r.h5", *options, ranks=ranks, code=code, cwd=folder)
    return read_result(folder / "r.h5"), done


def drawn_from(folder, source, dim):
    """Options of a source; a mixture has two components."""
    if source != "mixture":
        return ("-source", source)
    with h5py.File(folder / "mixture.h5", "w") as file:
        file["weight"], file["mean"] = [0.4, 0.6], normal(2, dim)
    return ("-source", source, "-source_file", "mixture.h5")


def normal(n, dim, seed=1):
    return np.random.default_rng(seed).standard_normal((n, dim))


@pytest.mark.parametrize("ranks", [1, 5])
@pytest.mark.parametrize("n", [1, 2])
def test_few_targets(tmp_path, n, ranks):
    result, _ = solve(tmp_path, normal(n, 3), "-curves", 2000, ranks=ranks)
    assert result.n_targets == n and result.status == "converged"
    brenier("check", "r.h5", "-curves", 500, ranks=ranks, cwd=tmp_path)
    brenier("sample", "r.h5", "-n", 3, "-o", "s.h5", ranks=ranks, cwd=tmp_path)
    np.save(tmp_path / "x.npy", normal(1, 3))
    brenier("map", "r.h5", "x.npy", "-o", "m.h5", ranks=ranks, cwd=tmp_path)
    assert read_dataset(f"{tmp_path}/m.h5:/index").shape == (1,)


def test_few_targets_without_a_sample(tmp_path):
    """Barycentres come with the measurement then, which ranks without targets take part in."""
    result, _ = solve(tmp_path, normal(2, 3), "-method", "asgd", "-curves", 20000, ranks=5)
    assert np.isfinite(result["/barycenter"]).all() and result.status == "converged"


def test_all_targets_equal(tmp_path):
    result, done = solve(tmp_path, np.full((10, 3), 2.5))
    assert result.n_targets == 1 and result.merged == 9 and "notice" in done.stdout
    np.testing.assert_array_equal(result["/mass"], [1])
    # all noise goes to (2.5, 2.5, 2.5), at a cost of E|x - y|^2 = 3 + 3 * 2.5^2
    assert result.w2 == pytest.approx(np.sqrt(3 + 3 * 2.5**2), rel=1e-3)


@pytest.mark.parametrize("ranks", [2, 5])
def test_many_duplicates_add_their_weights(tmp_path, ranks):
    y, weights = normal(6, 3), np.random.default_rng(2).uniform(0.1, 9, 60)
    row = np.random.default_rng(3).permutation(np.repeat(np.arange(6), 10))
    result, _ = solve(tmp_path, y[row], "-curves", 2000, weights=weights, ranks=ranks)
    assert result.n_targets == 6 and result.merged == 54
    first = [np.flatnonzero(row == k)[0] for k in range(6)]
    assert sorted(result["/row"]) == sorted(first)
    wanted = np.bincount(row, weights) / weights.sum()
    np.testing.assert_allclose(result["/weights"], wanted[row[result["/row"]]], rtol=1e-13)


@pytest.mark.parametrize("source", ["gaussian", "cube"])
def test_scale_does_not_matter(tmp_path, source):
    """Coordinates and heights scale together; masses stay. Powers of two change no digit of anything on the way."""
    y = normal(40, 3)
    plain, _ = solve(tmp_path, y, "-curves", 800, "-source", source)
    mass, heights = plain["/mass"], plain["/heights"]
    for scale in (2.0**100, 2.0**-100):
        scaled, _ = solve(tmp_path, y * scale, "-curves", 800, "-source", source)
        np.testing.assert_allclose(scaled["/mass"], mass, rtol=1e-12)
        np.testing.assert_allclose(scaled["/heights"] / scale, heights, rtol=0, atol=1e-12 * np.ptp(heights))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("scale", [1e-99, 1e99])
def test_ends_of_the_range(tmp_path, source, scale):
    """Near the largest and the least targets allowed, every command works or says why not."""
    result, _ = solve(tmp_path, normal(50, 2) * scale, "-curves", 1000, *drawn_from(tmp_path, source, 2))
    assert result.status == "converged" and 0 <= result.rho < 0.5 and np.isfinite(result["/heights"]).all()
    np.testing.assert_allclose(result["/mass"], 1 / 50, rtol=0.5)
    brenier("check", "r.h5", "-curves", 500, cwd=tmp_path)
    np.save(tmp_path / "x.npy", normal(100, 2))
    brenier("map", "r.h5", "x.npy", "-o", "m.h5", cwd=tmp_path)
    index = np.argmax(normal(100, 2) @ (result["/targets"] / scale).T + result["/heights"] / scale, axis=1)
    np.testing.assert_array_equal(read_dataset(f"{tmp_path}/m.h5:/index"), index)
    refused = brenier("sample", "r.h5", "-n", 5, "-o", "s.h5", code=3, cwd=tmp_path).stderr
    assert len(refused.splitlines()) == 1 and "r.h5: its targets" in refused and not (tmp_path / "s.h5").exists()


def test_place_does_not_matter_but_for_rounding(tmp_path):
    """Far from the origin the targets themselves are known to 2^-53 of their distance only."""
    result, _ = solve(tmp_path, 1e6 + 1e-6 * np.round(normal(40, 3), 3), "-curves", 2000)
    assert result.status == "converged" and result.rho_high < 0.5


@pytest.mark.parametrize("shape", [(3, 1000), (2, 64)])
@pytest.mark.parametrize("source", SOURCES)
def test_few_targets_in_high_dimension(tmp_path, shape, source):
    result, _ = solve(tmp_path, normal(*shape), "-curves", 2000, *drawn_from(tmp_path, source, shape[1]))
    assert result.status == "converged" and result["/targets"].shape == shape and result.rho_high < 0.2


@pytest.mark.parametrize("source", SOURCES)
def test_column_without_information(tmp_path, source):
    y = normal(40, 3)
    y[:, 1] = 7
    result, _ = solve(tmp_path, y, "-curves", 4000, *drawn_from(tmp_path, source, 3))
    assert result.status == "converged" and result.rho_high < 0.5


def test_targets_on_a_line(tmp_path):
    """The map then depends on one coordinate of the noise alone: borders are quantiles, as in one dimension."""
    position = np.sort(normal(20, 1).ravel())
    result, _ = solve(tmp_path, position[:, None] * [0.6, 0.8], "-curves", 20000)
    assert result.status == "converged" and result.rho_high < 0.1


def test_far_outlier(tmp_path):
    y = normal(40, 3)
    y[3] = 1e6
    result, _ = solve(tmp_path, y, "-curves", 4000)
    assert result.rho_high < 0.5 and result["/mass"][3] == pytest.approx(1 / 40, rel=0.3)


def test_number_types(tmp_path):
    y = normal(20, 2).astype("f2")
    expected, _ = solve(tmp_path, y.astype("f8"), "-curves", 500)
    heights = expected["/heights"]
    for kind in ("<f2", "<f4", ">f8", ">f4"):
        result, _ = solve(tmp_path, y.astype(kind), "-curves", 500)
        np.testing.assert_array_equal(result["/heights"], heights)


def test_names_with_blanks_and_options_in_a_file(tmp_path):
    np.save(tmp_path / "y -z.npy", normal(20, 2))
    (tmp_path / "options").write_text("# a comment\n-curves 500\n-seed 4\n")
    (tmp_path / "options.yaml").write_text("curves: 500\nseed: 4\n")
    for options in ("options", "options.yaml"):
        brenier("solve", "y -z.npy", "-o", "r -x.h5", "-options_file", options, cwd=tmp_path)
        assert (read_result(tmp_path / "r -x.h5").seed, read_result(tmp_path / "r -x.h5").curves) == (4, 500)
    brenier("check", "r -x.h5", "-curves", 64, cwd=tmp_path)


def test_options_in_a_file_are_petscs(tmp_path):
    """Those that count from the start on work, and what stands later on the command line overrules the file."""
    (tmp_path / "options").write_text("-log_view\n-curves 500\n-seed 4\n")
    result, done = solve(tmp_path, normal(20, 2), "-options_file", "options", "-seed", 5)
    assert (result.curves, result.seed) == (500, 5) and "PETSc Performance Summary" in done.stdout


def test_result_replaced_by_going_on_from_it(tmp_path):
    solve(tmp_path, normal(40, 3), "-curves", 500)
    result, _ = solve(tmp_path, normal(40, 3), "-curves", 4000, "-start", "r.h5", ranks=3)
    assert result.curves == 4000
