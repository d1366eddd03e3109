"""AE-OT in small: scores are right where they are known, training continues to the bit, a run makes what it
promises."""
import os
import signal
import subprocess
import sys
import time

import bounded
import h5py
import matplotlib.image
import numpy as np
import pytest
import torch
from aeot import scores, stages, table, training, transport
from aeot.images import Labelled
from aeot.networks import MODELS, SIDE
from aeot.training import Batches, read_json, write_json
from brenier_files import BadFile

RUN = os.path.join(transport.ROOT, "analysis", "aeot", "run")
PROGRAM = os.environ.get("BRENIER_PROGRAM", transport.PROGRAM)
IMAGES = 300
SMALL = ("--small", "--threads", "1", "--checkpoint-seconds", "0", "--images", str(IMAGES), "--steps", "10")


class Options:
    def __init__(self, out, **changes):
        self.out, self.seed, self.latent, self.channels, self.steps = str(out), 1, 4, 8, 6
        self.code_noise, self.precision = 0.1, "float32"
        self.checkpoint_seconds = 1e9
        self.__dict__.update(changes)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(1)
    return Labelled(torch.rand(300, 1, SIDE, SIDE, generator=generator),
                    torch.randint(0, 10, (300,), generator=generator))


def weights(trained):
    return {name: value.clone() for name, value in trained.model.state_dict().items()}


def expect_the_same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@pytest.mark.parametrize("precision", ("float32", "bfloat16"))
@pytest.mark.parametrize("name", MODELS)
def test_training_continues_to_the_bit(tmp_path, data, name, precision):
    options = Options(tmp_path, precision=precision)
    whole = training.train(name, options, data)
    assert whole.step == 6
    part = training.Training(name, options, data)
    part.model.train()
    for _ in range(3):
        part.advance(6)
    part.save(tmp_path / f"{name}.pt")
    expect_the_same(weights(training.train(name, options, data)), weights(whole))


@pytest.mark.parametrize("name", ("auto-encoder", "vae", "classifier"))
def test_rounded_products_give_nearly_the_same_gradient(data, name):
    gradients = []
    for rounded in (False, True):
        training.start_random(1)
        model = MODELS[name](4, 8)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=rounded):
            model.loss(data.images, data.labels).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
        assert gradients[-1].dtype == torch.float32
    assert 0.9 < torch.nn.functional.cosine_similarity(*gradients, dim=0) < 0.999999


@pytest.mark.parametrize("name", [name for name in MODELS if name != "classifier"])
def test_images_have_their_shape(tmp_path, data, name):
    model = training.train(name, Options(tmp_path, steps=1), data).model
    made = scores.in_batches(model.decoder, torch.randn(5, 4))
    assert made.shape == (5, 1, SIDE, SIDE) and made.min() >= 0 and made.max() <= 1


def test_one_decoder(data):
    shapes = [[p.shape for p in MODELS[name](4, 8).decoder.parameters()] for name in ("auto-encoder", "vae", "wgan-gp")]
    assert shapes[0] == shapes[1] == shapes[2]


def test_a_seed_makes_other_weights(tmp_path, data):
    one, other = (training.Training("vae", Options(tmp_path, seed=seed), data) for seed in (1, 2))
    assert not torch.equal(one.model.decoder[0].weight, other.model.decoder[0].weight)


def test_batches_pass_over_all_images():
    batches = Batches(12, 4, 1, "x")
    for begin in (0, 3):
        assert sorted(torch.cat([batches.rows(step) for step in range(begin, begin + 3)]).tolist()) == list(range(12))
    assert torch.equal(Batches(12, 4, 1, "x").rows(5), batches.rows(5))


def test_frechet_of_normal_laws():
    """|m - m'|^2 + sum (s - s')^2 for variances s^2 along axes that are the same."""
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 200000, 3))
    b = b * [1, 2, 3] + [1, 0, 0]
    assert scores.frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert scores.frechet(a, b) == pytest.approx(1 + 0 + 1 + 4, rel=0.02)


def test_precision_sees_outliers_and_recall_sees_collapse():
    rng = np.random.default_rng(2)
    real, same = rng.standard_normal((2, 1000, 2))
    balls = scores.radii(real, scores.BALL), scores.radii(real, scores.COVERAGE_BALL)
    good, far, collapsed = (scores.manifold_scores(real, made, balls) for made in (same, same + 100, 0.01 * same))
    assert good["precision"] > 0.9 and good["recall"] > 0.9 and good["coverage"] > 0.9
    assert good["density"] == pytest.approx(1, abs=0.1)
    assert far == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}
    assert collapsed["precision"] > 0.9 and collapsed["recall"] < 0.1 and collapsed["coverage"] < 0.1


def test_class_ratios():
    real, made = np.repeat(np.arange(10), 10), np.repeat(np.arange(5), 20)
    np.testing.assert_array_equal(scores.class_ratios(real, made), [2] * 5 + [0] * 5)


def test_jumps_are_angles_between_lifted_targets():
    targets = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(transport.jumps(targets, np.array([[0, 0, 1, 2]])), [[0, 90, 60]])


def test_quarter_circles_stay_normal():
    paths = transport.quarter_circles(np.random.default_rng(3), 20000, 3, 2)
    np.testing.assert_allclose(paths.std(axis=0), 1, atol=0.02)


def test_table_has_intervals(tmp_path, capsys):
    names = {name: 2.0 for name in table.COLUMNS}
    for seed in (1, 2, 3):
        made = {method: {**names, "frechet": float(seed), "class_ratios": [1.0] * 10} for method in table.METHODS}
        (tmp_path / f"{seed}").mkdir()
        write_json(tmp_path / f"{seed}" / "scores.json", {"scores": made, "class_names": list("abcdefghij")})
    assert table.main([*(str(tmp_path / f"{seed}") for seed in (1, 2, 3)), "--out", str(tmp_path)]) == 0
    assert "| AE-OT | 2.00 ± 2.48 |" in capsys.readouterr().out  # 4.303 / sqrt(3), Student's with 2 degrees of freedom
    assert len(np.unique(matplotlib.image.imread(tmp_path / "scores.png"))) > 2


def test_a_folder_keeps_its_settings(tmp_path):
    options = Options(tmp_path, data="x", images=None)
    stages.keep_settings(options)
    stages.keep_settings(options)
    with pytest.raises(BadFile, match="--latent 4"):
        stages.keep_settings(Options(tmp_path, data="x", images=None, latent=5))


def start(out, *arguments):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "BRENIER_PROGRAM": PROGRAM}
    return bounded.start([sys.executable, RUN, "--out", out, *SMALL, *arguments], env=environment,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip


def finish(process):
    said = bounded.finish(process)[0]
    assert process.returncode == 0, said
    return said


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists(PROGRAM), reason=f"{PROGRAM} is not built")
def test_small_run_survives_a_kill(tmp_path):
    """Killed in the middle of training and started again, a run ends with the same images as one that was left
    alone."""
    finish(start(tmp_path / "whole"))
    process = start(tmp_path / "killed")
    while process.poll() is None and not os.path.exists(tmp_path / "killed" / "auto-encoder.pt"):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    bounded.kill_session(process, 0)
    bounded.finish(process)
    assert not os.path.exists(tmp_path / "killed" / "images.h5")
    said = finish(start(tmp_path / "killed"))
    assert "| AE-OT |" in said
    with h5py.File(tmp_path / "whole" / "images.h5") as one, h5py.File(tmp_path / "killed" / "images.h5") as other:
        assert set(one) == {"ae-ot", "ae-ot-targets", "vae", "wgan-gp", "ae-gaussian", "reconstructed"}
        for name in one:
            np.testing.assert_array_equal(one[name][()], other[name][()])
            assert one[name].shape == (IMAGES, SIDE, SIDE)
    found = read_json(tmp_path / "killed" / "scores.json")
    assert found["scores"] == read_json(tmp_path / "whole" / "scores.json")["scores"]
    for name in ("grid.png", "paths.png", "nearest.png", "scores.png"):
        assert len(np.unique(matplotlib.image.imread(tmp_path / "whole" / name))) > 2
    assert "done already" in finish(start(tmp_path / "whole"))
