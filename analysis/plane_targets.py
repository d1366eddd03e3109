#!/usr/bin/python3
"""Makes targets in the plane whose shape a map should keep: for figures and tests of modes.

usage: plane_targets.py gaussians|ring|moons|annulus -n N -o TARGETS.npy [-labels LABELS.npy] [-seed S]

gaussians: 5 x 5 of width 0.05, 1 apart; ring: 8 of width 0.05 on a circle of radius 2; moons: two interleaved half
circles of width 0.05; annulus: uniform between the radii 1 and 2, a support with a hole.
"""
import argparse
import sys

import numpy as np

WIDTH = 0.05


def gaussians(n, rng):
    label = np.arange(n) % 25
    return np.stack([label % 5 - 2, label // 5 - 2], axis=1) + WIDTH * rng.standard_normal((n, 2)), label


def ring(n, rng):
    label = np.arange(n) % 8
    angle = 2 * np.pi * label / 8
    return 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + WIDTH * rng.standard_normal((n, 2)), label


def moons(n, rng):
    label = np.arange(n) % 2
    angle = np.pi * rng.uniform(0, 1, n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    return np.where(label[:, None] == 0, upper, lower) + WIDTH * rng.standard_normal((n, 2)) - [0.5, 0.25], label


def annulus(n, rng):
    angle, radius = 2 * np.pi * rng.uniform(0, 1, n), np.sqrt(rng.uniform(1, 4, n))
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), np.zeros(n, int)


SHAPES = {"gaussians": gaussians, "ring": ring, "moons": moons, "annulus": annulus}


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Makes targets in the plane.", allow_abbrev=False)
    parser.add_argument("shape", choices=list(SHAPES))
    parser.add_argument("-n", type=int, default=1000, help="number of targets; default 1000")
    parser.add_argument("-seed", type=int, default=1)
    parser.add_argument("-labels", metavar="NPY", help="also the mode that each was drawn from")
    parser.add_argument("-o", dest="out", required=True, metavar="NPY", help="targets [N, 2]")
    options = parser.parse_args(arguments)
    y, label = SHAPES[options.shape](options.n, np.random.default_rng(options.seed))
    np.save(options.out, y)
    if options.labels:
        np.save(options.labels, label.astype(float))
    return 0


if __name__ == "__main__":
    sys.exit(main())
