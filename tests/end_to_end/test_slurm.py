"""Jobs under a real Slurm of two nodes: whatever happens to them, they end with the right result and no human step."""
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import bounded
import h5py
import numpy as np
import pytest
from brenier_files import read_result
from problem import mixture
from program import PROGRAM, REPOSITORY, SHARED_CORES, brenier
from slurm_cluster import NODES, Cluster, Unavailable

JOBS = os.path.join(REPOSITORY, "jobs")
OPTIONS = ("-tol", "0.1")
# A run that is to last until it is stopped sleeps after each file of a checkpoint (tests/nap.c), or is a large one
PRELOADED = {"LD_PRELOAD": SHARED_CORES["LD_PRELOAD"]} if "LD_PRELOAD" in SHARED_CORES else {}
NAP = {"BRENIER_TEST_NAP": "0.25", **PRELOADED}
TARGETS = 400 if PRELOADED else 3000
LONG = 180  # seconds that a busy machine may take
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
    np.save(folder / "points.npy", mixture(TARGETS, 6, seed=1))
    brenier("solve", "points.npy", "-o", "result.h5", *OPTIONS, ranks=2, cwd=folder)
    return folder


@pytest.fixture(autouse=True)
def idle(cluster):
    cluster.settle()


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


def processes(name, words="", folder=None):
    """Ids of the processes of that name with the words in their command line and, if given, the working folder."""
    found = set()
    for pid, (called, *_) in bounded.processes():
        try:
            if called == name and words in bounded.command_line(pid):
                if folder in (None, os.readlink(f"/proc/{pid}/cwd")):
                    found.add(pid)
        except OSError:  # it has ended
            continue
    return found


def ranks(folder):
    return processes(os.path.basename(PROGRAM), " solve ", str(folder))


def submit_solve(cluster, folder, *options, **settings):
    return cluster.submit(*(options or TWO_NODES), os.path.join(JOBS, "solve.sbatch"), "points.npy", "result.h5",
                          *OPTIONS,
                          "-checkpoint_interval", "0", cwd=folder, **NAP, **SETTINGS,
                          **settings)  # fmt: skip


def wait_for_checkpoints(cluster, folder, count):
    cluster.wait_for(lambda: said(folder).count("checkpoint: ") >= count, "the job writes no checkpoint", LONG)


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
        cluster.wait_for(lambda: cluster.state(job)[2] == 1, "the job is not requeued", LONG)
    finally:
        # which is refused when the node has come back by itself
        cluster.run("scontrol", "update", f"nodename={NODES[1]}", "state=resume", check=False)
    assert cluster.wait(job)[:2] == ("COMPLETED", "0"), said(problem)
    expect_the_same(reference, problem / "result.h5")


def reach_a_time_limit(cluster, reference, problem, warning, checkpoints, second):
    job = submit_solve(cluster, problem, *TWO_NODES[:-1], "1", f"--signal={warning}")
    cluster.wait_for(lambda: "targets in dimension" in said(problem), "the job does not start", LONG)
    begin = time.monotonic()
    wait_for_checkpoints(cluster, problem, checkpoints)
    sleepers = ranks(problem)
    bounded.signal_all(sleepers, signal.SIGSTOP)
    time.sleep(max(begin + second - time.monotonic(), 0))
    bounded.signal_all(sleepers, signal.SIGCONT)
    cluster.wait_for(lambda: cluster.state(job)[2] == 1, "the job is not requeued", LONG)
    cluster.run("scontrol", "update", f"jobid={job}", "timelimit=10")
    assert cluster.wait(job, 300) == ("COMPLETED", "0", 1), said(problem)
    assert ("stopped (signal)" if "USR1" in warning else "stopped (end of the job by SLURM_JOB_END_TIME)") in said(
        problem
    )
    expect_the_same(reference, problem / "result.h5")


@pytest.mark.slow
def test_time_limit(cluster, reference, tmp_path):
    """Of a minute, the least there is, by a signal before it and by the clock, at the same time. The ranks sleep until
    Slurm's signal has come, or until the end of the job is near.

    The second run has more time: a slow machine takes longer than that for the start, which is not kept.
    """
    cases = {"signal": ("B:USR1@30", 0, 34), "clock": ("B:CONT@1", 1, 56)}
    for name in cases:
        (tmp_path / name).mkdir()
        os.link(reference / "points.npy", tmp_path / name / "points.npy")
    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(reach_a_time_limit, cluster, reference, tmp_path / name, *case)
                for name, case in cases.items()]  # fmt: skip
    for end in ends:
        end.result()


def test_old_ranks_live_on(cluster, reference, problem):
    """A node that does not answer is marked down and its job starts elsewhere; later the old ranks wake up beside the
    new ones.

    Everything of the node sleeps: its daemon, the script and srun, which would ask Slurm to end the step; then all but
    those wake up. No shared memory: on one machine that of the old ranks has the same name as that of the new ones.
    """
    one_node = ("-N", "1", "-n", "2", "--ntasks-per-node=2", "-t", "10")
    job = submit_solve(cluster, problem, "-w", NODES[1], *one_node, OMPI_MCA_btl="self,tcp")
    wait_for_checkpoints(cluster, problem, 2)
    old = ranks(problem)
    awake = old | processes("slurmstepd", f"[{job}.")
    asleep = processes("slurmd", f"{cluster.path('conf.' + NODES[1])}/slurm.conf")
    asleep |= processes("slurm_script", folder=str(problem)) | processes("srun", folder=str(problem))
    bounded.signal_all(asleep | awake, signal.SIGSTOP)
    try:
        cluster.run("scontrol", "update", f"nodename={NODES[1]}", "state=down", "reason=test")
        cluster.run("scontrol", "update", f"jobid={job}", "reqnodelist=", check=False)
        cluster.wait_for(lambda: cluster.state(job)[2] == 1, "the job is not requeued", LONG)
        cluster.release(job)
        cluster.wait_for(lambda: "continues from" in said(problem), "the job does not start again", LONG)
        wait_for_checkpoints(cluster, problem, said(problem).count("checkpoint: ") + 1)
        assert len(old & ranks(problem)) == 2
        bounded.signal_all(awake, signal.SIGCONT)
        state, code, restarts = cluster.wait(job, 300)
    finally:
        bounded.signal_all(old, signal.SIGKILL)
        bounded.signal_all(asleep | awake, signal.SIGCONT)
        cluster.run("scontrol", "update", f"nodename={NODES[1]}", "state=resume", check=False)
    # The end of the old step may end the new one, which has its number; the job then comes back once more
    assert (state, code) == ("COMPLETED", "0") and restarts >= 1, said(problem)
    expect_the_same(reference, problem / "result.h5")
    assert "finished" in brenier("info", "result.ckpt", cwd=problem).stdout


def test_mpirun_instead_of_srun(cluster, reference, problem):
    job = submit_solve(cluster, problem, "-N", "1", "-n", "2", "--ntasks-per-node=2", "-t", "10",
                       BRENIER_LAUNCHER="mpirun")
    wait_for_checkpoints(cluster, problem, 2)
    cluster.run("scancel", "--batch", "--signal=USR1", job)
    state, code, restarts = cluster.wait(job)
    assert (state, code, restarts) == ("COMPLETED", "0", 1), said(problem)
    assert "on 2 ranks" in said(problem) and "continues from result.ckpt" in said(problem)
    expect_the_same(reference, problem / "result.h5")


@pytest.mark.parametrize("kind, curves", [("strong", [1000, 1000, 1000]), ("weak", [1000, 2000, 4000])])
def test_scaling(cluster, tmp_path, kind, curves):
    np.save(tmp_path / "points.npy", mixture(300, 6, seed=1))
    job = cluster.submit("-N", "1", "-n", "4", "--ntasks-per-node=4", "-t", "10", os.path.join(JOBS, "scaling.sbatch"),
                         kind,
                         "points.npy", "out", "1000", cwd=tmp_path, **SETTINGS)  # fmt: skip
    assert cluster.wait(job)[:2] == ("COMPLETED", "0"), said(tmp_path)
    table = [line.split() for line in (tmp_path / "out" / f"{kind}.txt").read_text().splitlines()]
    assert table[0] == ["ranks", "curves", "seconds"]
    assert [[int(n) for n in row[:2]] for row in table[1:]] == [[1, curves[0]], [2, curves[1]], [4, curves[2]]]
    assert read_result(tmp_path / "out" / f"{kind}-4.h5").curves == curves[2]


def test_array(cluster, reference, problem):
    job = cluster.submit("--array=1-2", "-n", "1", "--ntasks-per-node=1", "-t", "10",
                         os.path.join(JOBS, "array.sbatch"),
                         "points.npy", "seeds", "-curves", "2000", cwd=problem, **SETTINGS)  # fmt: skip
    for task in (1, 2):
        assert cluster.wait(f"{job}_{task}")[:2] == ("COMPLETED", "0"), said(problem)
        assert read_result(problem / "seeds" / f"seed-{task}.h5").seed == task


@pytest.mark.parametrize("stopped", [1, 2])
def test_one_task_of_an_array_is_stopped(cluster, problem, stopped):
    """It alone comes back. The last task has the number of the array."""
    job = cluster.submit("--array=1-2", "-n", "1", "--ntasks-per-node=1", "-t", "10",
                         os.path.join(JOBS, "array.sbatch"),
                         "points.npy", "seeds", *OPTIONS, "-checkpoint_interval", "0", cwd=problem,
                         **NAP, **SETTINGS)  # fmt: skip
    own = problem / f"brenier-{job}-{stopped}.out"
    cluster.wait_for(lambda: own.exists() and "checkpoint: " in own.read_text(), "the task writes no checkpoint", LONG)
    cluster.run("scancel", "--signal=USR1", f"{job}_{stopped}")
    for task in (1, 2):
        assert cluster.wait(f"{job}_{task}") == ("COMPLETED", "0", int(task == stopped)), said(problem)
        assert read_result(problem / "seeds" / f"seed-{task}.h5").seed == task


def test_chain(cluster, tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["rows"] = mixture(500, 12, seed=2).astype("f4")
    done = bounded.run([os.path.join(JOBS, "pipeline.sh"), "data.h5:/rows", "out", "3", "100", "-tol", "0.2"],
                       env=cluster.environment(BRENIER_SBATCH="-n 2 --ntasks-per-node=2 -t 10", **SETTINGS),
                       cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    jobs = [word.strip(",") for word in done.stdout.split()[1::2]]
    for job in jobs:
        assert cluster.wait(job)[:2] == ("COMPLETED", "0"), said(tmp_path / "out")
    with h5py.File(tmp_path / "out" / "samples.h5") as file:
        assert file["code"].shape == (100, 3)


def test_ranks_that_do_not_know_of_each_other_are_refused(cluster, problem):
    done = bounded.run(["srun", "-n", "2", "-t", "2", "--mpi=none", PROGRAM, "solve", "points.npy", "-o", "result.h5"],
                       LONG, env=cluster.environment(**SETTINGS), cwd=problem)  # fmt: skip
    assert done.returncode == 2
    sentences = [line for line in done.stderr.splitlines() if line.startswith("brenier: error:")]
    assert len(sentences) == 1 and "srun started 2 processes" in sentences[0], done.stderr
    assert not (problem / "result.h5").exists()


@pytest.mark.slow
def test_chain_of_aeot(cluster, tmp_path):
    size = "-n 2 --ntasks-per-node=2 -t 10"
    done = bounded.run([os.path.join(JOBS, "aeot.sh"), "out", "0.5", "--small", "--images", "300", "--steps", "5"],
                       env=cluster.environment(BRENIER_SBATCH=size, AEOT_SBATCH=size, **SETTINGS),
                       cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    for job in [word.strip(",") for word in done.stdout.split()[1::2]]:
        assert cluster.wait(job)[:2] == ("COMPLETED", "0"), said(tmp_path / "out")
    assert "| AE-OT |" in (tmp_path / "out" / "table.md").read_text()
