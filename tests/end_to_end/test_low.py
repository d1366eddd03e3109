"""Exact cells: targets that span one, two or three dimensions, whatever the dimension they are given in."""
import cell_masses
import numpy as np
import pytest
from brenier_files import last_event, read_log, read_result
from exact_masses import counted, plane_mass
from program import brenier
from scipy.spatial import ConvexHull, HalfspaceIntersection
from scipy.stats import norm


def solve(folder, y, *options, weights=None, ranks=1):
    np.save(folder / "y.npy", y)
    if weights is not None:
        np.save(folder / "w.npy", weights)
        options += ("-weights", "w.npy")
    brenier("solve", "y.npy", "-o", "r.h5", "-log", "log", *options, cwd=folder, ranks=ranks)
    result = read_result(folder / "r.h5")
    names = ("targets", "weights", "heights", "mass", "barycenter", "heights_low")
    return Solved({name: result[name] for name in names if name in result}, result.attributes)


class Solved(dict):
    """Datasets of a result, read while its file is there, and its attributes."""

    def __init__(self, data, attrs):
        super().__init__(data)
        self.attrs = attrs


def worst_in_plane(result, source, cells):
    """Largest relative error of some cells' masses, by other code, from the heights of the file."""
    y, h, nu = result["targets"], result["heights"], result["weights"]
    return max(abs(plane_mass(y, h, i, source) / nu[i] - 1) for i in cells)


def worst_of(result, source, cells):
    """The same from heights in twice the precision."""
    return np.abs(cell_masses.errors(result, source, cells)).max()


def line(n, d, seed):
    """n targets on a line through R^d, their place on it, and the direction."""
    rng = np.random.default_rng(seed)
    q = rng.standard_normal(d)
    q /= np.linalg.norm(q)
    t = np.sort(rng.standard_normal(n))
    return rng.standard_normal(d) + t[:, None] * q, t


def quantile_heights(t, nu, quantile):
    h = np.concatenate([[0], -np.cumsum(quantile(np.cumsum(nu)[:-1]) * np.diff(t))])
    return h - nu @ h


@pytest.mark.parametrize("d", [2, 64, 1000])
def test_a_line_is_solved_by_quantiles(tmp_path, d):
    y, t = line(200, d, seed=d)
    nu = np.full(200, 1 / 200)
    r = solve(tmp_path, y)
    # The place on the line is known to rounding of a product of d numbers
    wanted = quantile_heights(t, nu, norm.ppf)
    offset = r["heights"] - wanted  # <q, p> t has no part here: borders are those of <x, q>
    assert np.abs(offset - nu @ offset).max() < 1e-12
    assert r.attrs["rho"] < 1e-9


@pytest.mark.parametrize("d,n", [(10, 100), (100, 200), (1000, 200)])
def test_cube_to_an_axis(tmp_path, d, n):
    y = np.zeros((n, d))
    y[:, 3] = (np.arange(n) + 0.5) / n - 0.5
    r = solve(tmp_path, y, "-source", "cube")
    wanted = quantile_heights(y[:, 3], np.full(n, 1 / n), lambda p: p - 0.5)
    assert np.abs(r["heights"] - wanted).max() < 1e-14
    assert r.attrs["dual"] == pytest.approx((d - 1) / 24 + 1 / (24 * n**2), rel=1e-12)


def test_two_atoms_one_light_and_far(tmp_path):
    for light, far in ((1e-6, 1e3), (1e-3, 1e2)):
        r = solve(tmp_path, np.array([[0.0, 0, 0], [far, 0, 0]]), weights=np.array([1 - light, light]))
        q = norm.isf(light)
        assert r.attrs["dual"] == pytest.approx((3 + light * far**2) / 2 - far * norm.pdf(q), rel=1e-10)
        assert np.diff(r["heights"])[0] == pytest.approx(-q * far, rel=1e-12)


def test_a_plane_in_forty_dimensions(tmp_path):
    rng = np.random.default_rng(8)
    q, _ = np.linalg.qr(rng.standard_normal((40, 2)))
    inside = rng.standard_normal((300, 2))
    r = solve(tmp_path, rng.standard_normal(40) + inside @ q.T, weights=rng.uniform(1, 9, 300))
    assert last_event(read_log(tmp_path / "log"), "start")["rank"] == 2
    flat = {**r, "targets": inside}
    assert worst_in_plane(flat, "gaussian", range(0, 300, 12)) < 1e-8
    # Given x, the cell depends on its part in the plane alone: barycentres lie there
    b = r["barycenter"]
    assert np.abs(b - b @ q @ q.T).max() < 1e-6 and np.abs(r["weights"] @ b).max() < 1e-6
    brenier("check", "r.h5", "-curves", 20000, "-log", "log", cwd=tmp_path)
    event = last_event(read_log(tmp_path / "log"), "check")
    # The interval holds the truth but with chance 5%; three times its width, below 1e-8
    width = 1.5 * (event["dual_high"] - event["dual_low"])
    assert abs(event["dual"] - r.attrs["dual"]) < width


@pytest.mark.parametrize("source", ["gaussian", "cube"])
def test_weights_over_three_decades_in_the_plane(tmp_path, source):
    rng = np.random.default_rng(1)
    y = rng.standard_normal((1500, 2)) if source == "gaussian" else rng.uniform(-0.5, 0.5, (1500, 2))
    r = solve(tmp_path, y, "-source", source, weights=10 ** rng.uniform(-3, 0, 1500))
    light = np.argsort(r["weights"])
    assert worst_in_plane(r, source, np.concatenate([light[:10], light[::100], light[-3:]])) < 1e-9


def test_steps_of_multigrid_are_solved_for(tmp_path):
    """A residual that does not sum to zero has a part that no step meets, beside which the rest looks met at once."""
    rng = np.random.default_rng(6)
    solve(tmp_path, rng.standard_normal((4000, 2)), "-log", "log", weights=10 ** rng.uniform(-3, 0, 4000))
    steps = [event for event in read_log(tmp_path / "log") if event["event"] == "iteration" and event["iteration"] > 0]
    assert min(event["linear_iterations"] for event in steps if event["l1"] > 1e-10) > 2


def test_outlier_and_heavy_tails(tmp_path):
    y = np.random.default_rng(7).standard_normal((500, 2))
    y[17] = [1e4, 0]
    for points in (y, np.random.default_rng(5).standard_cauchy((500, 2))):
        r = solve(tmp_path, points)
        far = np.argsort(-np.abs(points).max(1))[:5]
        assert worst_in_plane(r, "gaussian", np.concatenate([far, np.arange(0, 500, 25)])) < 1e-8


@pytest.mark.parametrize("spread", [1e-2, 1e-6, 1e-7])
def test_tight_clusters_in_the_plane(tmp_path, spread):
    rng = np.random.default_rng(5)
    y = (rng.standard_normal((10, 2))[:, None] + spread * rng.standard_normal((10, 50, 2))).reshape(-1, 2)
    r = solve(tmp_path, y)
    assert worst_of(r, "gaussian", range(0, 500, 25)) < 1e-9


@pytest.mark.parametrize("source", ["gaussian", "cube"])
def test_close_pairs_of_any_weight_in_the_plane(tmp_path, source):
    """Doubles of size 1 cannot say where the cells of two targets 1e-9 apart meet: heights have low parts."""
    rng = np.random.default_rng(21)
    y = rng.standard_normal((800, 2)) if source == "gaussian" else rng.uniform(-0.5, 0.5, (800, 2))
    y = np.concatenate([y, y[:40] + 1e-9 * rng.standard_normal((40, 2))])
    r = solve(tmp_path, y, "-source", source, weights=10 ** rng.uniform(-3, 0, 840), ranks=2)
    cells = np.concatenate([np.arange(0, 40, 4), np.arange(800, 840, 4), np.argsort(r["weights"])[:10]])
    assert worst_of(r, source, cells) < 1e-9 and r.attrs["largest_error"] < 1e-9
    brenier("check", "r.h5", "-log", "log", cwd=tmp_path)
    assert last_event(read_log(tmp_path / "log"), "check")["largest_error"] < 1e-9


def test_light_cells_of_the_cube_in_space(tmp_path):
    rng = np.random.default_rng(22)
    r = solve(tmp_path, rng.uniform(-0.5, 0.5, (400, 3)), "-source", "cube", weights=10 ** rng.uniform(-3, 0, 400))
    assert worst_of(r, "cube", np.argsort(r["weights"])[:20]) < 1e-10


def test_weights_over_six_and_eight_decades_in_space(tmp_path):
    y = np.random.default_rng(1).standard_normal((300, 3))
    for decades in (6, 8):
        r = solve(tmp_path, y, weights=10 ** np.random.default_rng(decades).uniform(-decades, 0, 300))
        assert np.abs(r["mass"] / r["weights"] - 1).max() < 1e-8 and r.attrs["empty"] == 0
        count, nu = counted(y, r["heights"], 400000, seed=3), r["weights"]
        many = nu > 1e-4  # 40 points or more: beyond 5.5 standard deviations with chance 4e-8 each
        assert (np.abs(count - 4e5 * nu)[many] < 5.5 * np.sqrt(4e5 * nu[many])).all()
        assert count[~many].sum() < 4e5 * nu[~many].sum() + 6 * np.sqrt(4e5 * nu[~many].sum()) + 6


def test_a_far_cluster_of_little_weight(tmp_path):
    rng = np.random.default_rng(1)
    y = np.concatenate([rng.standard_normal((400, 3)), [1e3, 0, 0] + rng.standard_normal((20, 3))])
    nu = np.concatenate([np.full(400, (1 - 1e-6) / 400), np.full(20, 1e-6 / 20)])
    r = solve(tmp_path, y, weights=nu)
    assert np.abs(r["mass"] / r["weights"] - 1).max() < 1e-7 and r.attrs["empty"] == 0


def test_cube_in_space_against_other_polyhedra(tmp_path):
    rng = np.random.default_rng(4)
    y = rng.uniform(-0.5, 0.5, (400, 3))
    r = solve(tmp_path, y, "-source", "cube", weights=10 ** rng.uniform(-2, 0, 400))
    h, walls = r["heights"], np.concatenate([np.eye(3), -np.eye(3)])
    for i in range(0, 400, 40):
        a, b = np.delete(y, i, 0) - y[i], h[i] - np.delete(h, i)
        faces = np.concatenate([np.column_stack([a, -b]), np.column_stack([walls, np.full(6, -0.5)])])
        # The barycentre of the file is inside the cell, to single precision
        corners = HalfspaceIntersection(faces, r["barycenter"][i].astype(float)).intersections
        assert ConvexHull(corners).volume == pytest.approx(r["weights"][i], rel=1e-8)


def test_lattice_with_exact_ties(tmp_path):
    """Cells of a lattice under the cube are squares and cubes, four and eight of which meet in a point."""
    for d, side in ((2, 20), (3, 8)):
        axis = (np.arange(side) + 0.5) / side - 0.5
        y = np.stack(np.meshgrid(*[axis] * d), -1).reshape(-1, d)
        r = solve(tmp_path, 3.0 * y + 1.0, "-source", "cube")
        assert np.abs(r["mass"] * side**d - 1).max() < 1e-9
        # Cell i is the cube around lattice point i; its points go to 3 y + 1
        wanted = 0.5 * (d / 12 + np.mean(np.sum((3 * y + 1) ** 2, 1))) - np.mean(np.sum(y * (3 * y + 1), 1))
        assert r.attrs["dual"] == pytest.approx(wanted, rel=1e-9)


def test_circle(tmp_path):
    r = solve(tmp_path, np.random.default_rng(3).standard_normal((200, 2)), "-source", "sphere")
    y, h = r["targets"], r["heights"]
    t = np.linspace(-np.pi, np.pi, 400001)[:-1]
    x = np.stack([np.cos(t), np.sin(t)], 1)
    share = sum(np.bincount(np.argmax(part @ y.T + h, 1), minlength=200) for part in np.array_split(x, 20)) / len(t)
    assert np.abs(share - 1 / 200).max() < 2 / 400000 * 4  # arcs end between two points


@pytest.mark.parametrize("d", [3, 64])
def test_a_line_under_the_sphere(tmp_path, d):
    y, _ = line(100, d, seed=d)
    r = solve(tmp_path, y, "-source", "sphere")
    count = counted(y, r["heights"], 200000, seed=1, source="sphere")
    assert (np.abs(count - 2000) < 5.5 * np.sqrt(2000)).all()  # by chance 4e-8 each


def test_the_same_on_any_number_of_ranks(tmp_path):
    rng = np.random.default_rng(2)
    y, w = rng.standard_normal((300, 2)), rng.uniform(1, 50, 300)
    first = solve(tmp_path, y, weights=w, ranks=1)
    for ranks in (2, 3, 5):
        other = solve(tmp_path, y, weights=w, ranks=ranks)
        assert np.abs(other["heights"] - first["heights"]).max() < 1e-11
        assert other.attrs["dual"] == pytest.approx(first.attrs["dual"], rel=1e-13)


def test_a_continued_run_has_the_same_bits(tmp_path):
    rng = np.random.default_rng(12)
    np.save(tmp_path / "y.npy", rng.standard_normal((3000, 2)))
    np.save(tmp_path / "w.npy", 10 ** rng.uniform(-2, 0, 3000))
    command = ("solve", "y.npy", "-weights", "w.npy", "-checkpoint_interval", 0)
    brenier(*command, "-o", "whole.h5", "-checkpoint", "whole.ckpt", cwd=tmp_path)
    limit, stops = 0.7, 0
    while not (tmp_path / "parts.h5").exists():
        try:
            brenier(*command, "-o", "parts.h5", "-checkpoint", "parts.ckpt", "-max_time", limit, code=85, cwd=tmp_path)
            stops += 1
        except AssertionError:
            assert (tmp_path / "parts.h5").exists()
        limit *= 1.3
    parts, whole = (read_result(tmp_path / name) for name in ("parts.h5", "whole.h5"))
    assert stops > 0
    for name in ("heights", "heights_low", "mass"):
        assert (parts[name] == whole[name]).all()


def test_facets_and_barycentres_are_exact(tmp_path):
    """Stein: sum_j H_ij y_j = int over cell i of x dmu, H from the facets and the right side from the barycentres."""
    import h5py

    r = solve(tmp_path, np.random.default_rng(9).standard_normal((200, 2)))
    brenier("facets", "r.h5", "-o", "f.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "f.h5") as file:
        pair, mass = file["pair"][()], file["mass"][()]
    y = r["targets"]
    side = y[pair[:, 0]] - y[pair[:, 1]]
    flow = (mass / np.linalg.norm(side, axis=1))[:, None] * side
    moment = np.zeros_like(y)
    np.add.at(moment, pair[:, 0], flow)
    np.add.at(moment, pair[:, 1], -flow)
    assert np.abs(moment - r["mass"][:, None] * r["barycenter"]).max() < 1e-8  # barycentres in single precision


def test_check_of_a_result_by_curves(tmp_path):
    """check is exact where cells are known, whatever made the heights."""
    y = np.random.default_rng(6).standard_normal((50, 2))
    r = solve(tmp_path, y, "-cells", "curves", "-tol", 0.2)
    brenier("check", "r.h5", "-log", "log", cwd=tmp_path)
    event = last_event(read_log(tmp_path / "log"), "check")
    chi2 = sum((plane_mass(y, r["heights"], i, "gaussian") - 0.02) ** 2 / 0.02 for i in range(50))
    assert event["curves"] == 0 and event["rho"] == pytest.approx(np.sqrt(chi2), rel=1e-9)
    assert r.attrs["rho_low"] < event["rho"] < r.attrs["rho_high"]  # but with chance 5%: a fixed seed


def test_exact_cells_are_refused_where_there_are_none(tmp_path):
    np.save(tmp_path / "y.npy", np.random.default_rng(0).standard_normal((50, 5)))
    run = brenier("solve", "y.npy", "-o", "r.h5", "-cells", "exact", cwd=tmp_path, code=2)
    assert "no exact cells" in run.stderr


def test_options_of_multigrid(tmp_path):
    """Of the preconditioner of many exact cells: read though a sampled solve has another, and refused when misspelt."""
    np.save(tmp_path / "y.npy", np.random.default_rng(0).standard_normal((50, 2)))
    words = ("solve", "y.npy", "-o", "r.h5", "-pc_hypre_boomeramg_strong_threshold", 0.5)
    brenier(*words, cwd=tmp_path)
    run = brenier(*words, "-pc_hypre_boomeramg_strong_treshold", 0.5, cwd=tmp_path, code=2)
    assert "-pc_hypre_boomeramg_strong_treshold" in run.stderr
