#!/usr/bin/python3
"""Solves one semi-discrete problem by one method of POT, as a process of its own, so that its memory can be told.

usage: compare_methods.py METHOD PARAMETER SAMPLES TARGETS.npy -o OUT.npz

emd: the linear program on SAMPLES points of the source; sinkhorn: entropic, PARAMETER is epsilon, on as many; asgd:
averaged stochastic gradient of the semi-dual at epsilon = PARAMETER, 10 steps of one point for each of SAMPLES. The
cost is |x - y|^2 / 2, the source N(0, I). OUT.npz gets `dual`, the potential on the targets, from which all of them
extend to any point of the source (compare.py), `epsilon` (0 for emd) and `seconds` of processor time, without imports.
"""
import argparse
import sys
import time
import warnings

import numpy as np
import ot

SINKHORN_ITERATIONS = 1000
SGD_SEED = 5
SGD_STEPS = 10  # for each sample
SGD_RATE = 10.0  # first step; POT's default, samples times epsilon, is made for gradients over n


def emd(x, y, _):
    a, b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    _, log = ot.emd(a, b, 0.5 * ot.dist(x, y), numItermax=10_000_000, log=True)
    return log["v"]


def sinkhorn(x, y, epsilon):
    a, b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    # in logarithms: exp(-cost / epsilon) is 0 for most pairs
    _, log = ot.sinkhorn(a, b, 0.5 * ot.dist(x, y), epsilon, method="sinkhorn_log", numItermax=SINKHORN_ITERATIONS,
                         stopThr=1e-6, log=True)  # fmt: skip
    return epsilon * (log["log_v"] - np.log(b))


def asgd(x, y, epsilon):
    np.random.seed(SGD_SEED)  # the generator that POT draws from
    a, b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    cost, steps = 0.5 * ot.dist(x, y), SGD_STEPS * len(x)
    return ot.stochastic.averaged_sgd_entropic_transport(a, b, cost, epsilon, numItermax=steps, lr=SGD_RATE)


METHODS = {"emd": emd, "sinkhorn": sinkhorn, "asgd": asgd}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("method", choices=list(METHODS))
    parser.add_argument("parameter", type=float)
    parser.add_argument("samples", type=int)
    parser.add_argument("targets")
    parser.add_argument("-o", dest="out", required=True)
    options = parser.parse_args(arguments)
    y = np.load(options.targets)
    x = np.random.default_rng(1).standard_normal((options.samples, y.shape[1]))
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged: the masses tell
        dual = METHODS[options.method](x, y, options.parameter)
    np.savez(options.out, dual=dual, epsilon=options.parameter, seconds=time.process_time() - begin)
    return 0


if __name__ == "__main__":
    sys.exit(main())
