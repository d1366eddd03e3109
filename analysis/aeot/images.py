"""Training and test images as tensors: Fashion-MNIST, or any four IDX files of 28 x 28 images in ten classes."""
import os
from dataclasses import dataclass

import torch
from brenier_files import BadFile
from idx_to_hdf5 import BadInput, read_idx

from aeot.networks import CLASSES, SIDE

FOLDER = "/usr/share/datasets/fashion-mnist"
NAMES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")


@dataclass
class Labelled:
    images: torch.Tensor  # [n, 1, 28, 28], 0 to 1
    labels: torch.Tensor  # [n]


def read_labelled(folder, stem, count=None):
    """The first `count` images of a pair of files."""
    paths = [os.path.join(folder, f"{stem}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1")]
    try:
        images, labels = (read_idx(path)[:count] for path in paths)
    except BadInput as error:
        raise BadFile(str(error)) from error
    if images.shape[1:] != (SIDE, SIDE) or labels.max() >= CLASSES:
        raise BadFile(
            f"{paths[0]}: images of {list(images.shape[1:])}, labels to {labels.max()}: not 28 x 28, 10 classes")
    return Labelled(torch.from_numpy(images).float().div(255).unsqueeze(1), torch.from_numpy(labels).long())


def read_both(options):
    """(training images, test images); fewer of both when --images is given."""
    test = options.images if options.images and options.images < 10000 else None
    return read_labelled(options.data, "train", options.images), read_labelled(options.data, "t10k", test)
