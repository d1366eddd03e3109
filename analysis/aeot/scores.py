"""How good generated images are, against test images that no model saw.

With f the features of the classifier (the layer before its last, 128 numbers, after the ReLU):

    Frechet distance     |m - m'|^2 + tr(S + S' - 2 (S^(1/2) S' S^(1/2))^(1/2)), m and S mean and covariance of f
                         (Heusel et al. 2017, there with other features: only values of one classifier compare)
    precision, recall    share of generated images within the K-nearest-neighbour balls of the real ones, and of real
                         ones within those of the generated (Kynkaanniemi et al. 2019), K = 3
    density, coverage    mean number of real balls that hold a generated image, over K; share of real balls that hold
                         one (Naeem et al. 2020), K = 5
    class shares         what the classifier takes generated images for, over what it takes real ones for
    bins                 real features in 100 clusters; number of clusters whose share among the generated images
                         differs significantly, two-proportion test at 5% (Richardson and Weiss 2018); a real
                         sample of the same size scores about 5. Empty ones are modes that are lost
    memorisation         distance of a generated image to the nearest training image, in pixels, as a ratio of medians
                         to that of test images; and the share that is nearer than 1% of test images are
"""
import numpy as np
import torch
from scipy import linalg
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors

from aeot import transport
from aeot.networks import CLASSES

BALL, COVERAGE_BALL = 3, 5
BINS = 100
Z_95 = 1.96
NEAR_QUANTILE = 0.01
MEMORY_IMAGES = 2000  # of a nearest-neighbour search among all training images
AT_ONCE = 500


def in_batches(function, rows):
    """function of [n, ...] tensors, some rows at a time, without gradients; returns an array."""
    with torch.no_grad():
        return torch.cat([function(part) for part in rows.split(AT_ONCE)]).numpy()


def look(classifier, images):
    """(features [n, 128] in double precision, predicted classes [n])."""
    features = in_batches(classifier.features, images)
    classes = in_batches(classifier.last, torch.from_numpy(features)).argmax(axis=1)
    return features.astype(np.float64), classes


def symmetric_root(matrix):
    values, vectors = linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def frechet(a, b):
    """Frechet distance of two sets of features [n, p], [m, p], as if both were Gaussian."""
    shift = a.mean(axis=0) - b.mean(axis=0)
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = symmetric_root(s)
    middle = np.sqrt(np.maximum(linalg.eigvalsh(root @ t @ root), 0)).sum()
    return float(shift @ shift + np.trace(s) + np.trace(t) - 2 * middle)


def distances(queries, points, count):
    """Distances to the `count` nearest of the points, and which they are: [n, count] both."""
    return NearestNeighbors(n_neighbors=count, algorithm="brute").fit(points).kneighbors(queries)


def radii(points, count):
    """Distance of each point to its count-th neighbour, itself not counted."""
    return distances(points, points, count + 1)[0][:, -1]


def inside(queries, centres, radius):
    """(number of balls that hold each query, distance from each centre to its nearest query)."""
    held, nearest = np.zeros(len(queries)), np.full(len(centres), np.inf)
    squares = (centres**2).sum(axis=1)
    for begin in range(0, len(queries), AT_ONCE):
        part = queries[begin : begin + AT_ONCE]
        squared = (part**2).sum(axis=1)[:, None] + squares - 2 * part @ centres.T
        held[begin : begin + AT_ONCE] = (squared <= radius**2).sum(axis=1)
        nearest = np.minimum(nearest, squared.min(axis=0))
    return held, np.sqrt(np.maximum(nearest, 0))


def manifold_scores(real, made, real_radii):
    """real_radii: of the balls of BALL and of COVERAGE_BALL neighbours around the real ones."""
    narrow, wide = real_radii
    held, _ = inside(made, real, narrow)
    held_real, _ = inside(real, made, radii(made, BALL))
    dense, nearest = inside(made, real, wide)
    return {
        "precision": float((held > 0).mean()),
        "recall": float((held_real > 0).mean()),
        "density": float(dense.mean() / COVERAGE_BALL),
        "coverage": float((nearest <= wide).mean()),
    }


def class_ratios(real, made):
    """Share of each class among generated images, over its share among real ones."""
    shares = [np.bincount(classes, minlength=CLASSES) / len(classes) for classes in (made, real)]
    return shares[0] / np.maximum(shares[1], 1e-12)


def bin_scores(clusters, real, made):
    """Clusters with a wrong share of generated images, and those with none."""
    p, q = (np.bincount(clusters.predict(rows), minlength=clusters.n_clusters) / len(rows) for rows in (real, made))
    pooled = (p * len(real) + q * len(made)) / (len(real) + len(made))
    error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / len(real) + 1 / len(made)))
    return {"bins_wrong": int((np.abs(p - q) > Z_95 * error).sum()), "bins_empty": int((q == 0).sum())}


def to_pixels(images):
    return images.reshape(len(images), -1).numpy()


class Judge:
    """Knows the real images; `scores(images)` judges generated ones, [n, 1, 28, 28]."""

    def __init__(self, classifier, train, test, seed):
        self.classifier = classifier
        self.frechet = transport.frechet if transport.has_frechet() else frechet
        self.pixels = to_pixels(train.images)
        self.real, self.classes = look(classifier, test.images)
        self.radii = radii(self.real, BALL), radii(self.real, COVERAGE_BALL)
        bins = min(BINS, len(self.real) // 10)
        features = look(classifier, train.images[: len(self.real)])[0]
        self.clusters = KMeans(bins, n_init=1, random_state=seed).fit(features)
        self.accuracy = float((self.classes == test.labels.numpy()).mean())
        self.usual = self.to_training(test.images)

    def to_training(self, images):
        return distances(to_pixels(images[:MEMORY_IMAGES]), self.pixels, 1)[0][:, 0]

    def scores(self, images):
        features, classes = look(self.classifier, images)
        ratios = class_ratios(self.classes, classes)
        near = self.to_training(images)
        return {
            "frechet": self.frechet(features, self.real),
            **manifold_scores(self.real, features, self.radii),
            "class_ratios": [round(float(ratio), 4) for ratio in ratios],
            "classes_within_15": int((np.abs(ratios - 1) <= 0.15).sum()),
            **bin_scores(self.clusters, self.real, features),
            "nearest_ratio": float(np.median(near) / np.median(self.usual)),
            "near_copies": float((near < np.quantile(self.usual, NEAR_QUANTILE)).mean()),
        }
