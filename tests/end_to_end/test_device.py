"""-device gpu on PoCL, which makes an OpenCL device of the processor: the same bits as without, and every error."""
import os
import re
import subprocess

import h5py
import numpy as np
import pytest
from alone import alone, expect_sentence
from problem import mixture
from program import PROGRAM, brenier

HERE = os.path.dirname(os.path.abspath(__file__))
# Devices of PoCL that run in the caller's thread, for two ranks of three to share; built kernels stay with the program
POCL = {
    "POCL_DEVICES": "basic basic",
    "HWLOC_COMPONENTS": "-opencl",  # else MPI looks for devices of OpenCL's at every start
    "POCL_CACHE_DIR": os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(PROGRAM))), "pocl"),
}
GPU = ("-device", "gpu")

# Targets, options of solve: circles in bytes and in single precision, several tiles of targets, points, and what stays
# on the processor (chords, exact cells)
PROBLEMS = {
    "bytes": (mixture(300, 64, seed=1), ("-curves", 500, "-warm_up", 1)),
    "single": (mixture(300, 8, seed=2), ("-curves", 500)),
    "sphere": (mixture(300, 20, seed=3), ("-source", "sphere", "-tol", 0.4)),
    "clusters": (mixture(400, 16, seed=4) * 1e-3 + np.repeat(mixture(4, 16, seed=5), 100, axis=0), ("-curves", 500)),
    "tiles": (mixture(8300, 16, seed=6), ("-curves", 32, "-warm_up", 0, "-max_it", 1)),
    "passes": (mixture(400, 16, seed=7), ("-tol", 0.6, "-memory", 0.0001)),
    "points": (mixture(300, 16, seed=8), ("-method", "asgd", "-curves", 20000)),
    "chords": (mixture(200, 6, seed=9), ("-source", "cube", "-curves", 500)),
    "exact": (mixture(200, 2, seed=10), ()),
}
ANY = {"tiles": 6}  # exit codes that are not 0


@pytest.fixture(scope="module", autouse=True)
def pocl():
    before = dict(os.environ)
    os.environ.update(POCL)
    yield
    os.environ.clear()
    os.environ.update(before)


def results(path):
    """All datasets but histories and seconds."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()].tobytes()} if hasattr(item, "dtype") else {}))
    return {name: value for name, value in found.items() if not name.endswith(("history", "seconds"))}


def solve(folder, name, ranks, *options):
    targets, given = PROBLEMS[name]
    np.save(folder / "y.npy", targets)
    done = brenier("solve", "y.npy", "-o", "r.h5", "-check_curves", 256, *given, *options, ranks=ranks, cwd=folder,
                   code=ANY.get(name, 0))  # fmt: skip
    return results(folder / "r.h5"), done.stdout


@pytest.mark.parametrize(
    "name, ranks", [(name, 1) for name in PROBLEMS] + [(name, 3) for name in ("bytes", "passes", "points")]
)
def test_solve(name, ranks, tmp_path):
    plain, said = solve(tmp_path, name, ranks)
    device, also_said = solve(tmp_path, name, ranks, *GPU)
    assert device == plain
    assert "by OpenCL" not in said and "by OpenCL" in also_said


def test_threads(tmp_path):
    plain, _ = solve(tmp_path, "bytes", 1)
    assert solve(tmp_path, "bytes", 1, "-threads", 3, *GPU)[0] == plain


@pytest.mark.parametrize("ranks", (1, 3))
def test_check_sample_and_map(ranks, tmp_path):
    solve(tmp_path, "bytes", ranks)
    np.save(tmp_path / "x.npy", mixture(900, 64, seed=11))
    said = []
    for options in ((), GPU):
        run = lambda *a: brenier(*a, *options, ranks=ranks, cwd=tmp_path).stdout  # noqa: E731
        run("sample", "r.h5", "-n", 3000, "-o", f"s{len(options)}.h5")
        run("map", "r.h5", "x.npy", "-o", f"m{len(options)}.h5")
        said.append([line for line in run("check", "r.h5", "-curves", 3000).splitlines() if "rho" in line])
    assert said[0] and said[0] == said[1]
    for kind in "sm":
        assert results(tmp_path / f"{kind}0.h5") == results(tmp_path / f"{kind}2.h5")


def test_integer_dot_product(tmp_path, shim):
    """The products of a compiler that has cl_khr_integer_dot_product; the other way does not compile there."""
    plain, _ = solve(tmp_path, "bytes", 1)
    alone("solve", "y.npy", "-o", "r.h5", "-check_curves", 256, *PROBLEMS["bytes"][1], *GPU, cwd=tmp_path, code=0,
          environment=start(shim, "dot"))  # fmt: skip
    assert results(tmp_path / "r.h5") == plain


def test_classes(tmp_path):
    """Classes are solved on communicators of their own, which share the devices."""
    np.save(tmp_path / "y.npy", mixture(400, 16, seed=12))
    np.save(tmp_path / "labels.npy", np.arange(400) % 3)
    for file, options in (("plain.h5", ()), ("gpu.h5", GPU)):
        brenier("solve", "y.npy", "-classes", "labels.npy", "-curves", 500, "-o", file, *options, ranks=2, cwd=tmp_path)
    plain = results(tmp_path / "plain.h5")
    assert len(plain) > 6 and plain == results(tmp_path / "gpu.h5")


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, os.path.join(HERE, "opencl_shim.c"), "-ldl"], check=True)
    return library


def start(shim, words):
    """The environment in which OpenCL does as the words say; the sanitizers would want to be first."""
    options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
    return {"LD_PRELOAD": str(shim), "BRENIER_SHIM": words, "ASAN_OPTIONS": options,
            "OMPI_MCA_ess_singleton_isolated": "1"}  # fmt: skip


def refused(folder, code, *words, environment=()):
    """solve -device gpu says one sentence, and writes nothing."""
    np.save(folder / "y.npy", PROBLEMS["bytes"][0])
    done = alone("solve", "y.npy", "-o", "r.h5", "-curves", 500, *GPU, cwd=folder, code=code, environment=environment)
    expect_sentence(done, *words)
    assert os.listdir(folder) == ["y.npy"]


def test_no_platform(tmp_path):
    none = tmp_path / "none"
    none.mkdir()
    folder = tmp_path / "run"
    folder.mkdir()
    refused(folder, 2, "-device gpu", "no platform", "-device cpu", environment={"OCL_ICD_VENDORS": str(none)})


def test_no_device(tmp_path):
    refused(tmp_path, 2, "-device gpu", "no device", "-device cpu", environment={"POCL_DEVICES": ""})


def test_build_log(tmp_path, shim):
    """PoCL's compiler has a line of its own before."""
    np.save(tmp_path / "y.npy", PROBLEMS["bytes"][0])
    done = alone("solve", "y.npy", "-o", "r.h5", *GPU, cwd=tmp_path, code=2, environment=start(shim, "build"))
    assert re.search("\n?brenier: error: -device gpu: .* refuses the kernels .*: error: .*-device cpu\n$", done.stderr)


def test_memory(tmp_path, shim):
    refused(tmp_path, 7, "clCreateBuffer", "memory", "-device auto", environment=start(shim, "buffer"))


@pytest.mark.parametrize("words, what", (("kernel=1", "first_test"), ("kernel=20", "again"), ("wait=1", "clWaitFor"),
                                         ("wait=3", "clWaitFor")))  # fmt: skip
def test_lost(words, what, tmp_path, shim):
    """At the first step, and between two steps."""
    refused(tmp_path, 7, what, "failed", "lost", environment=start(shim, words))


def test_auto(tmp_path, shim):
    """No GPU: the processor. One that is lost: the processor from there on. One that works: used."""
    plain, _ = solve(tmp_path, "bytes", 1)
    for words, notice in (("", "a rank has no device"), ("gpu wait=3", "goes on"), ("gpu", "by OpenCL")):
        done = alone("solve", "y.npy", "-o", "auto.h5", "-check_curves", 256, *PROBLEMS["bytes"][1], "-device", "auto",
                     cwd=tmp_path, code=0, environment=start(shim, words))  # fmt: skip
        assert notice in done.stdout + done.stderr
        assert results(tmp_path / "auto.h5") == plain
