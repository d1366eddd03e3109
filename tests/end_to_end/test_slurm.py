"""Jobs under a real Slurm of two nodes: whatever happens to them, they end with the right result and no human step."""
import os
import subprocess

import h5py
import numpy as np
import pytest
from brenier_files import read_result
from problem import mixture
from program import PROGRAM, REPOSITORY, brenier
from slurm_cluster import NODES, Cluster, Unavailable

JOBS = os.path.join(REPOSITORY, "jobs")
OPTIONS = ("-tol", "0.1")
TWO_NODES = ("-N", "2", "-n", "2", "--ntasks-per-node=1", "-t", "10")
SETTINGS = {
    "BRENIER_PROGRAM": os.path.abspath(PROGRAM),
    "BRENIER_JOBS": JOBS,
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    try:
        running = Cluster(tmp_path_factory.mktemp("slurm"))
    except Unavailable as why:
        pytest.skip(f"no Slurm of its own can be started here: {why}")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The problem, and the heights of a solve that nothing disturbed."""
    folder = tmp_path_factory.mktemp("reference")
    np.save(folder / "points.npy", mixture(3000, 6, seed=1))
    brenier("solve", "points.npy", "-o", "result.h5", *OPTIONS, cwd=folder)
    return folder


@pytest.fixture
def problem(reference, tmp_path):
    os.link(reference / "points.npy", tmp_path / "points.npy")
    return tmp_path


def expect_the_same(reference, result):
    expected, found = read_result(reference / "result.h5"), read_result(result)
    assert found.status == expected.status
    np.testing.assert_array_equal(found["/heights"], expected["/heights"])


def said(folder):
    return "".join(path.read_text() for path in folder.glob("*.out"))


def submit_solve(cluster, folder):
    return cluster.submit(*TWO_NODES, os.path.join(JOBS, "solve.sbatch"), "points.npy", "result.h5", *OPTIONS,
                          "-checkpoint_interval", "0", cwd=folder, **SETTINGS)  # fmt: skip


def wait_for_checkpoints(cluster, folder, count):
    cluster.wait_for(lambda: said(folder).count("checkpoint: ") >= count, "the job writes no checkpoint", 60)


def test_signal_then_requeue(cluster, reference, problem):
    job = submit_solve(cluster, problem)
    wait_for_checkpoints(cluster, problem, 3)
    cluster.run("scancel", "--signal=USR1", job)
    state, code, restarts = cluster.wait(job)
    assert (state, code) == ("COMPLETED", "0"), said(problem)
    assert restarts == 1 and "continues from result.ckpt" in said(problem)
    expect_the_same(reference, problem / "result.h5")


def test_signal_to_the_script_as_before_a_time_limit(cluster, reference, problem):
    job = submit_solve(cluster, problem)
    wait_for_checkpoints(cluster, problem, 2)
    cluster.run("scancel", "--batch", "--signal=USR1", job)
    state, code, restarts = cluster.wait(job)
    assert (state, code, restarts) == ("COMPLETED", "0", 1), said(problem)
    expect_the_same(reference, problem / "result.h5")


def test_node_is_lost(cluster, reference, problem):
    job = submit_solve(cluster, problem)
    wait_for_checkpoints(cluster, problem, 3)
    cluster.run("scontrol", "update", f"nodename={NODES[1]}", "state=down", "reason=test")
    try:
        cluster.wait_for(lambda: cluster.state(job)[2] == 1, "the job is not requeued", 60)
    finally:
        # which is refused when the node has come back by itself
        cluster.run("scontrol", "update", f"nodename={NODES[1]}", "state=resume", check=False)
    assert cluster.wait(job)[:2] == ("COMPLETED", "0"), said(problem)
    expect_the_same(reference, problem / "result.h5")


def test_array(cluster, reference, problem):
    job = cluster.submit("--array=1-2", "-n", "1", "--ntasks-per-node=1", "-t", "10", os.path.join(JOBS, "array.sbatch"),
                         "points.npy", "seeds", "-curves", "5000", cwd=problem, **SETTINGS)  # fmt: skip
    for task in (1, 2):
        assert cluster.wait(f"{job}_{task}")[:2] == ("COMPLETED", "0"), said(problem)
        assert read_result(problem / "seeds" / f"seed-{task}.h5").seed == task


def test_chain(cluster, tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["rows"] = mixture(500, 12, seed=2).astype("f4")
    done = subprocess.run([os.path.join(JOBS, "pipeline.sh"), "data.h5:/rows", "out", "3", "100", "-tol", "0.2"],
                          env=cluster.environment(BRENIER_SBATCH="-n 2 --ntasks-per-node=2 -t 10", **SETTINGS),
                          cwd=tmp_path, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    jobs = [word.strip(",") for word in done.stdout.split()[1::2]]
    for job in jobs:
        assert cluster.wait(job)[:2] == ("COMPLETED", "0"), said(tmp_path / "out")
    with h5py.File(tmp_path / "out" / "samples.h5") as file:
        assert file["code"].shape == (100, 3)


def test_ranks_that_do_not_know_of_each_other_are_refused(cluster, problem):
    done = subprocess.run(["srun", "-n", "2", "--mpi=none", PROGRAM, "solve", "points.npy", "-o", "result.h5"],
                          env=cluster.environment(**SETTINGS), cwd=problem, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 2
    sentences = [line for line in done.stderr.splitlines() if line.startswith("brenier: error:")]
    assert len(sentences) == 1 and "srun started 2 processes" in sentences[0], done.stderr
    assert not (problem / "result.h5").exists()


@pytest.mark.slow
def test_chain_of_aeot(cluster, tmp_path):
    size = "-n 2 --ntasks-per-node=2 -t 10"
    done = subprocess.run([os.path.join(JOBS, "aeot.sh"), "out", "0.5", "--small", "--images", "300", "--steps", "5"],
                          env=cluster.environment(BRENIER_SBATCH=size, AEOT_SBATCH=size, **SETTINGS),
                          cwd=tmp_path, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    for job in [word.strip(",") for word in done.stdout.split()[1::2]]:
        assert cluster.wait(job)[:2] == ("COMPLETED", "0"), said(tmp_path / "out")
    assert "| AE-OT |" in (tmp_path / "out" / "table.md").read_text()
