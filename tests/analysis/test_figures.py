"""The figures are drawn from files after the contract, and what they compute is right."""

import bench_figure
import bench_record
import convergence
import displacement
import figure_style
import h5py
import image_grid
import masses
import matplotlib.image
import numpy as np
import plane
import plane_targets
import pytest
import quickstart_figure
import summary
import synthetic
import timeline
from synthetic import write_log, write_result


def is_picture(path):
    """A PNG with more than one colour."""
    return len(np.unique(matplotlib.image.imread(path))) > 2


def test_convergence(tmp_path, result_file, log_file):
    for run in (result_file, log_file, write_log(tmp_path / "short", iterations=1, end=False)):
        assert convergence.main([str(run), "-o", str(tmp_path / "c.png")]) == 0
        assert is_picture(tmp_path / "c.png")


def test_a_pass_is_not_drawn_as_iterations(tmp_path):
    rows = synthetic.history_rows()
    rows[5:, 8] = 0  # damping
    history = dict(zip(synthetic.COLUMNS.split(","), rows.T))
    left, right = convergence.draw(history, None).axes
    assert len(left.lines[0].get_xdata()) == len(right.lines[0].get_xdata()) == 5


def test_convergence_without_iterations(tmp_path, capsys):
    run = write_log(tmp_path / "log", iterations=0)
    assert convergence.main([str(run), "-o", str(tmp_path / "c.png")]) == 3
    assert "no iterations" in capsys.readouterr().err


def test_masses(tmp_path, result_file):
    bare = write_result(tmp_path / "bare.h5", mass_error=None)
    for result in (result_file, bare):
        assert masses.main([str(result), "-o", str(tmp_path / "m.png")]) == 0
        assert is_picture(tmp_path / "m.png")


def test_perfect_cells_spread_as_sampling_alone_does():
    """Masses drawn from the model of masses.py: spread and sampling error agree, and so do the histograms."""
    rng = np.random.default_rng(3)
    n, trials = 20000, 400
    nu = rng.uniform(0.5, 1.5, n)
    nu /= nu.sum()
    count = rng.poisson(nu * n * trials)
    mass, error = count / (n * trials), np.sqrt(count) / (n * trials)
    s = masses.sampling_error(nu, mass, error)
    spread = np.sqrt(np.sum(nu * (mass / nu - 1) ** 2))
    assert spread == pytest.approx(np.sqrt(np.sum(nu * s**2)), rel=0.02)
    assert spread == pytest.approx(1 / np.sqrt(trials), rel=0.02)
    edges = np.linspace(0.7, 1.3, 31)
    measured, _ = np.histogram(mass / nu, edges)
    expected = masses.expected_counts(edges, s)
    assert expected.sum() == pytest.approx(n, rel=1e-3)
    assert np.all(np.abs(measured - expected) < 6 * np.sqrt(expected + 10))


def test_empty_cells_do_not_seem_exact():
    nu = np.full(4, 0.25)
    s = masses.sampling_error(nu, np.array([0.0, 0.3, 0.3, 0.4]), np.array([0.0, 0.02, 0.02, 0.02]))
    assert np.all(s > 0.05)


def test_exact_cells_have_no_sample(tmp_path):
    """No curves: no sampling error, no interval, no histogram of what sampling alone would do; no scan in the
    timeline."""
    rows = synthetic.history_rows()
    rows[:, 6] = 0  # noise
    history = dict(zip(synthetic.COLUMNS.split(","), rows.T), curves=np.zeros(len(rows)))
    held_out = {"rho": 1e-13, "rho_low": 1e-13, "rho_high": 1e-13}
    for axes in convergence.draw(history, held_out).axes:
        assert [line.get_label() for line in axes.lines] == ["exact cells", "in the end: 1e-11%"]
        assert not axes.patches
    nu = np.full(100, 0.01)
    axes = figure_style.new_figure(4, 3).subplots()
    deviation = 1e-13 * np.linspace(-1, 1, 100)
    spread, noise = masses.draw_masses(axes, nu, nu * (1 + deviation), np.zeros(100))
    assert noise is None and spread == pytest.approx(1e-13 / np.sqrt(3), rel=0.02)
    assert axes.get_xlim()[1] < 2e-13
    events = [{"event": "level", "seconds": 1}, {"event": "iteration", "seconds": 2, "curves": 0},
              {"event": "iteration", "seconds": 3, "curves": 0}]  # fmt: skip
    assert [phase for phase, _, _ in timeline.phases(events)] == ["clusters", "Newton", "Newton"]
    check = {"rho": 1e-13, "rho_low": 1e-13, "rho_high": 1e-13, "empty": 0, "curves": 0}
    assert summary.sentence(check) == "relative error of the cell masses 1e-11%, exact; no empty cell"


def test_tile_places_every_image():
    images = np.arange(1, 6).reshape(5, 1, 1) * np.ones((5, 2, 3))
    picture = image_grid.tile(images, 2)
    assert picture.shape == (3 * 2 + 2 * image_grid.GAP, 2 * 3 + image_grid.GAP)
    for k in range(5):
        assert np.sum(picture == k + 1) == 6
    assert picture[0, 0] == 1 and picture[0, -1] == 2 and picture[-1, 0] == 5 and np.isnan(picture[-1, -1])


def test_image_grid(tmp_path, capsys):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.random.default_rng(1).random((7, 12))
        file["images"] = np.ones((2, 3, 4), dtype=np.uint8)
    out = str(tmp_path / "g.png")
    places = [f"{tmp_path}/a.h5:/data", f"{tmp_path}/a.h5:/images"]
    assert image_grid.main([*places, "-o", out, "-shape", "3x4", "-columns", "3", "-titles", "one,two"]) == 0
    assert is_picture(out)
    assert image_grid.main([places[0], "-o", out]) == 3
    assert "give -shape HxW" in capsys.readouterr().err
    assert image_grid.main([f"{tmp_path}/a.h5:/gone", "-o", out]) == 3


def test_quickstart_figure(tmp_path):
    rng = np.random.default_rng(2)
    result = write_result(tmp_path / "r.h5", images=60)
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["index"] = rng.integers(0, 300, 90)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["data"] = rng.random((90, 20)) * 255
    with h5py.File(tmp_path / "i.h5", "w") as file:
        file["images"] = rng.integers(0, 256, (60, 4, 5), dtype=np.uint8)
    places = [str(result), f"{tmp_path}/s.h5", f"{tmp_path}/d.h5", f"{tmp_path}/i.h5:/images"]
    assert quickstart_figure.main([*places, "-o", str(tmp_path / "q.png")]) == 0
    assert is_picture(tmp_path / "q.png")


def test_pairs_belong_together(tmp_path):
    """The real image beside a sample is the input row that its target came from."""
    result = write_result(tmp_path / "r.h5", row=np.arange(300)[::-1])
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["index"] = np.array([0, 299, 5, 5])
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["data"] = np.zeros((4, 1))
    with h5py.File(tmp_path / "i.h5", "w") as file:
        file["images"] = np.arange(300.0).reshape(300, 1, 1)
    _, real = quickstart_figure.load_pairs(
        quickstart_figure.read_result(result), f"{tmp_path}/s.h5", f"{tmp_path}/d.h5", f"{tmp_path}/i.h5:/images"
    )
    np.testing.assert_array_equal(real.ravel(), [299, 0, 294, 294])


@pytest.mark.parametrize("value, text",
                         [(0.0987, "9.9%"), (0.1, "10.0%"), (1.23, "123.0%"), (0.00998, "1.0%"), (0.0011, "0.11%")])
def test_percent(value, text):
    assert figure_style.percent(value) == text


def test_timeline(tmp_path, capsys):
    run = write_log(tmp_path / "log")
    assert timeline.main([str(run), "-o", str(tmp_path / "t.png")]) == 0
    assert is_picture(tmp_path / "t.png")
    assert timeline.main([str(write_log(tmp_path / "none", iterations=0)), "-o", str(tmp_path / "t.png")]) == 3
    assert "no iterations" in capsys.readouterr().err


def test_timeline_names_what_the_time_was_spent_on():
    """The warm-up before a level of clusters is the clusters'; a sample that grew was scanned first."""
    events = [{"event": "start", "seconds": 0}, {"event": "warm_up", "seconds": 1}, {"event": "level", "seconds": 2},
              {"event": "warm_up", "seconds": 4}, {"event": "iteration", "seconds": 7, "curves": 10},
              {"event": "iteration", "seconds": 8, "curves": 10}, {"event": "iteration", "seconds": 12, "curves": 30},
              {"event": "held_out", "seconds": 14}, {"event": "end", "seconds": 15}]  # fmt: skip
    names = [phase for phase, begin, end in timeline.phases(events) if end > begin]
    assert names == ["clusters", "clusters", "warm-up", "scan of new curves", "Newton", "scan of new curves",
                     "measurement", "the rest"]  # fmt: skip


@pytest.fixture
def plane_result(tmp_path):
    """Nine targets on a lattice, heights for which the cells are squares: facets at +-1/6 of the cube."""
    line = (np.arange(3) - 1) / 3
    y = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    with h5py.File(write_result(tmp_path / "r.h5"), "a") as file:
        for name, value in (("targets", y), ("heights", -0.5 * np.sum(y**2, axis=1)), ("weights", np.full(9, 1 / 9))):
            del file[name]
            file[name] = value
        file.attrs["source"] = np.bytes_("cube")
        file.attrs["dim"] = 2
    return tmp_path / "r.h5", y


def test_plane(tmp_path, plane_result, result_file):
    path, y = plane_result
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["code"] = y
    assert plane.main([str(path), "-o", str(tmp_path / "p.png")]) == 0
    assert is_picture(tmp_path / "p.png")
    more = ["-samples", str(tmp_path / "s.h5"), "-threshold", "5", "-angle", "unlifted"]
    assert plane.main([str(path), "-o", str(tmp_path / "q.png"), *more]) == 0
    assert is_picture(tmp_path / "q.png")
    assert plane.main([str(result_file), "-o", str(tmp_path / "p.png")]) == 3


def write_mapped(path, t, x, code):
    with h5py.File(path, "w") as file:
        file.attrs["t"] = t
        file["code"], file["position"] = code, (1 - t) * x + t * code
    return str(path)


def test_displacement(tmp_path, capsys):
    x, code = np.random.default_rng(1).standard_normal((2, 50, 2))
    early, late = (write_mapped(tmp_path / name, t, x, code) for name, t in (("late.h5", 0.9), ("early.h5", 0.1)))
    frames = [displacement.read_mapped(path) for path in (early, late)]
    assert [axes.get_title(loc="left") for axes in displacement.draw(frames).axes] == ["t = 0.1", "t = 0.9"]
    assert displacement.main([early, late, "-o", str(tmp_path / "d.png")]) == 0
    assert is_picture(tmp_path / "d.png")
    other = write_mapped(tmp_path / "other.h5", 0.5, x, code + 1)
    assert displacement.main([early, other, "-o", str(tmp_path / "e.png")]) == 3
    assert "different points" in capsys.readouterr().err
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["code"] = code
    assert displacement.main([str(tmp_path / "plain.h5"), "-o", str(tmp_path / "e.png")]) == 3
    assert "-t" in capsys.readouterr().err


def test_cells_and_facets_of_a_lattice(plane_result):
    _, y = plane_result
    index, axis = plane.cells(y, -0.5 * np.sum(y**2, axis=1), 0.5)
    np.testing.assert_array_equal(index[0], np.repeat([0, 1, 2], plane.GRID // 3))
    segments, angle = plane.facet_segments(y, index, axis, "lifted")
    width = 1 / plane.GRID
    along = np.abs(np.abs(segments) - 1 / 6).min(axis=2)
    assert np.all(along < width) and len(segments) == 4 * plane.GRID
    assert plane.angle_between(y, [3], [4], "lifted")[0] == pytest.approx(np.degrees(np.arctan(1 / 3)))
    assert angle.max() < 20


def test_plane_targets(tmp_path):
    for shape in plane_targets.SHAPES:
        out = [str(tmp_path / "y.npy"), "-labels", str(tmp_path / "l.npy"), "-n", "200"]
        assert plane_targets.main([shape, "-o", *out]) == 0
        y, label = np.load(tmp_path / "y.npy"), np.load(tmp_path / "l.npy")
        assert y.shape == (200, 2) and len(label) == 200 and np.all(np.abs(y) < 3)


def write_records(folder):
    """Records as tests/bench/suite.py writes them, of two methods and two numbers of targets."""
    about = {name: bench_record.UNKNOWN for name in bench_record.FIELDS if name != "command"}
    methods, growth = str(folder / "methods.json"), str(folder / "growth.json")
    rows = [("1,000 x 8", "newton", "1.0"), ("1,000 x 8", "asgd", "10.0"), ("codes", "adam", "more than 12")]
    bench_record.write(methods, [bench_record.table("targets | method | seconds", rows)], about=about, command="x")
    rows = [(f"{n:,}", n / 100, f"{n**2:.2e}") for n in (1000, 2000)]
    table = bench_record.table("targets | seconds | operations of the scans", rows)
    bench_record.write(growth, [table], about=about, command="x")
    return methods, growth


def test_bench(tmp_path, capsys):
    """From two records; one that is not of its kind is named."""
    picture = str(tmp_path / "b.png")
    methods, growth = write_records(tmp_path)
    assert bench_figure.main([methods, growth, "-o", picture]) == 0
    assert is_picture(tmp_path / "b.png")
    assert bench_figure.main([growth, growth, "-o", picture]) == 3
    assert "has no columns targets, method" in capsys.readouterr().err
    n, seconds, operations = bench_figure.load_growth(growth)
    assert bench_figure.exponent(n, seconds) == pytest.approx(1)
    assert bench_figure.exponent(n, operations) == pytest.approx(2)
    (tmp_path / "x").write_text("[]")
    assert bench_figure.main([str(tmp_path / "x"), growth, "-o", picture]) == 3


def test_bench_draws_a_method_that_was_too_slow_as_an_open_mark():
    """Filled where the error was met, open at the end of its time where it was not."""
    figure = figure_style.new_figure(4, 3)
    axes = figure.subplots()
    rows = [{"targets": "1,000 x 8", "method": name, "seconds": seconds, "limit": limit}
            for name, seconds, limit in (("newton", 1.0, 1.0), ("adam", None, 12.0))]
    bench_figure.draw_cells(axes, rows)
    met, late = axes.collections[:2]
    assert met.get_offsets()[0][0] == 1.0 and late.get_offsets()[0][0] == 12.0
    assert tuple(late.get_facecolor()[0]) == (1.0, 1.0, 1.0, 1.0) != tuple(met.get_facecolor()[0])
    assert axes.get_yticklabels()[0].get_text() == "n = 1,000\nd = 8"
