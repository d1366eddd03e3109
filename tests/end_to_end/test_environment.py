"""What a login shell, another program or another job left in the environment: understood, or named in a sentence."""
import os
import time

import bounded
import h5py
import numpy as np
import pytest
from alone import alone, expect_sentence
from brenier_files import read_log
from program import PROGRAM, REPOSITORY, SHARED_CORES, brenier

DONE, USAGE, IO, TOLERANCE, STOPPED = 0, 2, 4, 6, 85
SOLVE = ("solve", "small.npy", "-curves", 300, "-o", "r.h5")


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "small.npy", np.random.default_rng(1).standard_normal((40, 4)))
    (tmp_path / "home").mkdir()
    return tmp_path


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("result")
    np.save(folder / "small.npy", np.random.default_rng(1).standard_normal((40, 4)))
    alone(*SOLVE, cwd=folder, code=DONE)
    return folder / "r.h5"


# ---- what PETSc reads unasked


@pytest.mark.parametrize("place", ["home/.petscrc", ".petscrc", "petscrc"])
@pytest.mark.parametrize("text, words", [
    (b"hello world\n", ["failed", "line 1", "hello"]),
    (bytes(range(255, 0, -1)), ["failed"]),
    (b"-curves 300\0\n", ["not a text file"]),
    (b"# mine\n-snes_monitor\n-ts_type bdf\n", ["unknown option -", "from "]),
    (b"-mpi_linear_solver_server\n", ["-mpi_linear_solver_server"]),
])  # fmt: skip
def test_petscrc(folder, place, text, words):
    (folder / place).write_bytes(text)
    home = {"HOME": str(folder / "home")}
    done = alone(*SOLVE, cwd=folder, code=USAGE, environment=home)
    expect_sentence(done, *([] if b"server" in text else [place]), *words)
    if b"server" not in text:
        assert "-skip_petscrc" in done.stderr
    assert not (folder / "r.h5").exists()
    alone(*SOLVE, "-skip_petscrc", cwd=folder, code=DONE, environment=home)


def test_petscrc_that_makes_sense(folder):
    (folder / "home/.petscrc").write_text("# of mine\n-seed 17\n-log_view :profile.txt\n")
    alone(*SOLVE, cwd=folder, code=DONE, environment={"HOME": str(folder / "home")})
    with h5py.File(folder / "r.h5") as file:
        assert file.attrs["seed"] == 17


@pytest.mark.parametrize("words, said", [("-snes_monitor", ["-snes_monitor (from PETSC_OPTIONS)"]),
                                         ("-seed 3 -vec_type cuda", ["-vec_type (from PETSC_OPTIONS)"]),
                                         ("-mpi_linear_solver_server", ["-mpi_linear_solver_server"])])  # fmt: skip
def test_options_of_the_environment(folder, words, said):
    expect_sentence(alone(*SOLVE, cwd=folder, code=USAGE, environment={"PETSC_OPTIONS": words}), *said)


def test_option_of_a_file(folder):
    (folder / "options.txt").write_text("-nonsense 4\n")
    expect_sentence(alone(*SOLVE, "-options_file", "options.txt", cwd=folder, code=USAGE),
                    "-nonsense (from options.txt)")


# ---- the end of a job


def expect_end(folder, end, code, *words):
    done = alone(*SOLVE, cwd=folder, code=code, environment={"SLURM_JOB_END_TIME": end})
    for word in words:
        assert word in done.stdout, done.stdout
    assert ("notice: SLURM_JOB_END_TIME" in done.stdout) == bool("notice" in words), done.stdout


@pytest.mark.parametrize("end", ["", "UNLIMITED", "0", "N/A", "99999999999999999999", "2300-01-01T00:00:00"])
def test_job_without_an_end(folder, end):
    expect_end(folder, end, DONE)


@pytest.mark.parametrize("end", ["-1", "tomorrow", "12:00:00", "1e9", "2026-11", "1700000000s"])
def test_end_that_is_no_time(folder, end):
    expect_end(folder, end, DONE, "notice", f"'{end}', which is no time")


@pytest.mark.parametrize("end", ["1700000000", "2026-01-01T00:00:00"])
def test_end_of_another_job(folder, end):
    expect_end(folder, end, DONE, "notice", f"'{end}'", "another job")


@pytest.mark.parametrize("form", ["%s", "%Y-%m-%dT%H:%M:%S"])
def test_end_that_is_near(folder, form):
    when = time.time()  # a later one the solve might not need
    end = str(int(when)) if form == "%s" else time.strftime(form, time.localtime(when))
    expect_end(folder, end, TOLERANCE, "stopped (end of the job by SLURM_JOB_END_TIME)")
    done = alone(*SOLVE, "-checkpoint", "c", cwd=folder, code=STOPPED, environment={"SLURM_JOB_END_TIME": end})
    assert "stopped (end of the job by SLURM_JOB_END_TIME); the same command continues" in done.stdout


@pytest.mark.parametrize("form", ["%s", "%Y-%m-%dT%H:%M:%S"])
def test_end_that_is_far(folder, form):
    when = time.time() + 3600
    expect_end(folder, str(int(when)) if form == "%s" else time.strftime(form, time.localtime(when)), DONE)


# ---- variables of a launcher

LEFT = [
    {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"},
    {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"},
    {"PMI_SIZE": "4", "PMI_RANK": "3"},
    {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"},
    {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "2"},
]


@pytest.mark.parametrize("variables", LEFT, ids=lambda variables: "-".join(variables.values()))
def test_variables_of_a_launcher(folder, result, variables):
    """What only says something is not kept from it; what would write a file as one of several says why it does not."""
    for arguments, words in (("-version",), "commit"), (("solve", "-help"), "-curves"), (("info", result), "converged"):
        assert words in alone(*arguments, cwd=folder, code=DONE, environment=variables).stdout
    expect_sentence(alone(*SOLVE, cwd=folder, code=USAGE, environment=variables), list(variables)[0], "unset")
    assert not (folder / "r.h5").exists()


def test_a_launcher_that_has_ended(folder, result):
    """A shell that was opened under mpiexec still has all that PMIx set."""
    shell = '. "$0/tools/mpi-environment.sh"; mpiexec -n 2 env'
    done = bounded.run(["bash", "-c", shell, REPOSITORY])
    assert done.returncode == 0, done.stderr
    lines = [line.split("=", 1) for line in done.stdout.splitlines() if line.startswith(("PMIX_", "OMPI_"))]
    left = {name: value for name, value in lines}
    for arguments, words in (("-version",), "commit"), (("-help",), "usage"), (("info", result), "converged"):
        assert words in alone(*arguments, cwd=folder, code=DONE, environment=left).stdout
    expect_sentence(alone(*SOLVE, cwd=folder, code=USAGE, environment=left), "launcher", "has ended")


@pytest.mark.parametrize("variables", [
    {"OMP_NUM_THREADS": "junk"}, {"OMP_NUM_THREADS": "0"}, {"OMP_NUM_THREADS": "2,4"}, {"LC_ALL": "de_DE.UTF-8"},
    {"HOME": "/nonexistent"}, {"HOME": ""},
], ids=str)  # fmt: skip
def test_a_strange_environment(folder, variables):
    done = alone(*SOLVE, "-damping", "0.05", "-log", "log", cwd=folder, code=DONE, environment=variables)
    assert "converged" in done.stdout and read_log(folder / "log")[-1]["event"] == "end"


@pytest.mark.parametrize("without", [["HOME"], SHARED_CORES], ids=["HOME", "what the tests set"])
def test_without(folder, without):
    assert "converged" in alone(*SOLVE, cwd=folder, code=DONE, without=without).stdout


@pytest.mark.parametrize("variable", ["OPAL_BINDIR", "OMPI_MCA_orte_tmpdir_base"])
def test_one_process_has_no_daemon_and_no_folder_of_mpi(folder, variable):
    """Open MPI would start orted, or make a folder, where there is none."""
    nowhere = {variable: "/dev/null"}
    assert "converged" in alone(*SOLVE, cwd=folder, code=DONE, environment=nowhere, without=SHARED_CORES).stdout


# ---- where and with which streams


def test_a_folder_that_has_been_removed(folder):
    (folder / "gone").mkdir()
    limits = f'cd "{folder}/gone"; rmdir "{folder}/gone";'
    done = alone("solve", folder / "small.npy", "-curves", 300, "-o", folder / "r.h5", cwd=folder, code=IO,
                 limits=limits)
    expect_sentence(done, "working folder", "removed")
    assert "commit" in alone("-version", cwd=folder, code=DONE, limits="mkdir gone; cd gone; rmdir ../gone;").stdout


@pytest.mark.parametrize("redirections", ["<&- >&- 2>&-", ">&-", "2>&-", ">/dev/full", "2>/dev/full", "<&-"])
def test_streams(folder, redirections):
    """Nothing that is printed ends up in a file that took the number of a closed stream."""
    alone(*SOLVE, "-log", "log", cwd=folder, code=DONE, redirections=redirections)
    assert read_log(folder / "log")[-1]["event"] == "end"
    brenier("info", "r.h5", cwd=folder)
    content = (folder / "r.h5").read_bytes()
    assert b"targets in dimension" not in content


def test_a_reader_that_stops_reading(folder):
    shell = f'. "$0/tools/mpi-environment.sh"; "$@" | head -1; echo "${{PIPESTATUS[0]}}"'
    done = bounded.run(["bash", "-c", shell, REPOSITORY, PROGRAM, *SOLVE], cwd=folder)
    said = done.stdout.splitlines()
    assert done.returncode == 0 and said[0].startswith("Brenier") and said[-1] == "0"
    assert (folder / "r.h5").exists()


# ---- words


def test_one_is_no_plural(folder):
    np.save(folder / "one.npy", np.ones((1, 3)))
    said = alone("solve", "one.npy", "-o", "one.h5", "-curves", 1, cwd=folder, code=DONE).stdout
    assert "1 target in dimension" in said and "on 1 rank " in said
    assert "1 curves" not in said and "1 targets" not in said and "1 ranks" not in said


def test_numbers_as_they_were_given(folder):
    run = ("solve", "small.npy", "-o", "r.h5", "-checkpoint", "c")
    assert "held-out rho is below 0.1234567\n" in alone(*run, "-tol", 0.1234567, "-max_time", 0.001, cwd=folder,
                                                code=STOPPED).stdout
    said = alone(*run, "-tol", 0.04, "-damping", 0.3, cwd=folder, code=3).stderr
    assert "-tol is 0.1234567 there and 0.04 here" in said and "-damping is 0.1 there and 0.3 here" in said
    assert "from 1e-12 to 1e+06, not '0'" in alone(*run, "-tol", 0, cwd=folder, code=USAGE).stderr


def test_a_distance_is_not_negative(folder):
    rows = np.random.default_rng(3).standard_normal((60, 5)) * np.array([1, 1e-4, 1e-8, 1, 1e3])
    np.save(folder / "a.npy", rows)
    np.save(folder / "b.npy", np.flip(rows, axis=0))
    said = alone("frechet", "a.npy", "b.npy", cwd=folder, code=DONE).stdout
    assert "distance -" not in said and "without bias      -" not in said and "interval -" not in said
    np.save(folder / "zero.npy", np.zeros((1, 4)))
    said = alone("solve", "zero.npy", "-o", "zero.h5", "-curves", 64, cwd=folder, code=DONE).stdout
    assert "W2 -" not in said
