"""Images that are moved, turned and mirrored: against whole shifts, quarter turns, another interpolation."""
import augment
import h5py
import numpy as np
import pytest
from scipy import ndimage

RNG = np.random.default_rng(3)
IMAGES = RNG.integers(0, 256, (6, 9, 9), dtype=np.uint8)
NONE = np.zeros(6, bool)


def make(folder, *options, images=IMAGES, labels=None, n=20):
    with h5py.File(folder / "in.h5", "w") as file:
        file["images"] = images
        if labels is not None:
            file["labels"] = labels
    code = augment.main([str(folder / "in.h5"), "-o", str(folder / "out.h5"), "-n", str(n), *options])
    assert code == 0
    with h5py.File(folder / "out.h5") as file:
        return file["images"][()], file["labels"][()] if "labels" in file else None


def test_whole_pixels():
    found = augment.moved(IMAGES, np.tile([2.0, -1.0], (6, 1)), np.zeros(6), NONE)
    expected = np.zeros(IMAGES.shape)
    expected[:, 2:, :-1] = IMAGES[:, :-2, 1:]
    np.testing.assert_array_equal(found, expected)


def test_quarter_turn_and_mirror():
    found = augment.moved(IMAGES, np.zeros((6, 2)), np.full(6, np.pi / 2), NONE)
    np.testing.assert_allclose(found, np.rot90(IMAGES, -1, axes=(1, 2)), atol=1e-3)
    found = augment.moved(IMAGES, np.zeros((6, 2)), np.zeros(6), ~NONE)
    np.testing.assert_array_equal(found, IMAGES[:, :, ::-1])


def test_as_scipy_interpolates():
    shift, angle = RNG.uniform(-2, 2, (6, 2)), RNG.uniform(-0.3, 0.3, 6)
    found = augment.moved(IMAGES, shift, angle, NONE)
    centre = np.full(2, 4.0)
    for image, t, a, mine in zip(IMAGES, shift, angle, found):
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        framed = np.pad(image.astype(float), 1)
        other = ndimage.affine_transform(framed, turn, centre + 1 - turn @ (centre + 1) - t, order=1, mode="constant")
        np.testing.assert_allclose(mine, other[1:-1, 1:-1], atol=1e-3)


def test_first_images_and_labels(tmp_path):
    found, labels = make(tmp_path, "-flip", labels=np.arange(6))
    np.testing.assert_array_equal(found[:6], IMAGES)
    np.testing.assert_array_equal(labels, np.arange(20) % 6)
    assert found.dtype == np.uint8 and not np.array_equal(found[6:12], IMAGES)
    again, _ = make(tmp_path, "-flip", n=13)
    np.testing.assert_array_equal(again, found[:13])
    assert not np.array_equal(make(tmp_path, "-flip", "-seed", "2")[0][6:], found[6:])


def test_blocks_do_not_matter(tmp_path, monkeypatch):
    monkeypatch.setattr(augment, "AT_ONCE", 8)
    whole, _ = make(tmp_path, n=20)
    part, _ = make(tmp_path, n=11)
    np.testing.assert_array_equal(part, whole[:11])


def test_nothing_to_change(tmp_path):
    found, _ = make(tmp_path, "-shift", "0", "-turn", "0", images=IMAGES / 7.0)
    np.testing.assert_allclose(found, (IMAGES / 7.0)[np.arange(20) % 6], rtol=1e-6)


@pytest.mark.parametrize("name, data, words", [
    ("pictures", IMAGES, "no dataset /images"),
    ("images", IMAGES[0], "shape [9, 9]"),
    ("images", IMAGES.astype("S3"), "|S3"),
    ("images", IMAGES[:0], "shape [0, 9, 9]"),
])  # fmt: skip
def test_bad_input(tmp_path, capsys, name, data, words):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file[name] = data
    assert augment.main([str(tmp_path / "in.h5"), "-o", str(tmp_path / "out.h5"), "-n", "9"]) == 3
    said = capsys.readouterr().err
    assert words in said and "in.h5" in said and said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


def test_labels_of_another_length(tmp_path, capsys):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["images"], file["labels"] = IMAGES, np.arange(5)
    assert augment.main([str(tmp_path / "in.h5"), "-o", str(tmp_path / "out.h5"), "-n", "9"]) == 3
    assert "6 images, but 5 labels" in capsys.readouterr().err


def test_files_that_cannot_be(tmp_path, capsys):
    assert augment.main([str(tmp_path / "no.h5"), "-o", str(tmp_path / "out.h5"), "-n", "9"]) == 4
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["images"] = IMAGES
    assert augment.main([str(tmp_path / "in.h5"), "-o", str(tmp_path / "no" / "out.h5"), "-n", "9"]) == 4
    assert "augment: error" in capsys.readouterr().err
    with pytest.raises(SystemExit) as refused:
        augment.main([str(tmp_path / "in.h5"), "-o", "out.h5", "-n", "0"])
    assert refused.value.code == 2
