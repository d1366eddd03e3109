"""Runs the program as a user does, alone or on ranks by mpiexec, in the environment of tools/mpi-environment.sh.

Most of the time of a small run on two ranks is the start of mpiexec, so a test asks for ranks where they matter.
"""
import functools
import os
import re

import bounded
from bounded import TIME_LIMIT  # noqa: F401

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("BRENIER_PROGRAM", os.path.join(REPOSITORY, "build", "release", "bin", "brenier"))
# Where tests run side by side, a rank that waits gives its core away: spinning, five ranks take 30 times as long
SHARED_CORES = {
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_odls_base_sigkill_timeout": "0",  # else mpiexec takes 2 s to end after an exit code other than 0
    "OMPI_MCA_pml": "ob1",  # else every start loads the drivers of networks, one of which sleeps for 0.1 s
    "OMPI_MCA_ess_singleton_isolated": "1",  # one process needs no daemon of MPI's, which is a third of a small run
    "HWLOC_PLUGINS_PATH": "/dev/null",  # else every start loads OpenCL's compiler, which is a third of it
    "HWLOC_COMPONENTS": "-linux:pci",  # else every start reads each PCI device, slow in a virtual machine
}
# A rank that only yields takes turns with all that compute; with this it sleeps (tests/idle_ranks.c)
IDLE_RANKS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(PROGRAM))), "tests", "libidle_ranks.so")
if os.path.exists(IDLE_RANKS):
    SHARED_CORES["LD_PRELOAD"] = IDLE_RANKS

with open(os.path.join(REPOSITORY, "src", "data", "source_list.h"), encoding="utf-8") as registry:
    SOURCES = re.findall(r"^BRENIER_SOURCE\((\w+)\)", registry.read(), re.MULTILINE)  # the values of -source


@functools.lru_cache(maxsize=None)
def mpi_environment(ranks):
    """What tools/mpi-environment.sh sets for so many ranks; asked once, since a shell is a twentieth of a small run."""
    given = {name: os.environ[name] for name in ("PATH", "OMP_WAIT_POLICY") if name in os.environ}
    command = ["bash", "-c", '. "$0/tools/mpi-environment.sh"; exec env -0', REPOSITORY]
    said = bounded.run(command, env={**given, "BRENIER_RANKS": str(ranks)}).stdout
    found = dict(item.split("=", 1) for item in said.split("\0") if item)
    return {name: value for name, value in found.items() if name.startswith(("OMP", "OPENBLAS_"))}


def run_on(ranks, command, cwd=None, **variables):
    """Runs a program on that many ranks, one without mpiexec, with further variables of the environment."""
    environment = {**os.environ, **SHARED_CORES, **mpi_environment(ranks), "BRENIER_RANKS": str(ranks), **variables}
    launcher = ["mpiexec", "-n", str(ranks)] if ranks > 1 else []
    return bounded.run([*launcher, *map(str, command)], env=environment, cwd=cwd)


def brenier(*arguments, ranks=1, code=0, cwd=None):
    """Runs `brenier ARGUMENTS` on that many ranks and expects that exit code; returns what it printed."""
    assert os.path.exists(PROGRAM), f"{PROGRAM} is not built; ./check builds it"
    done = run_on(ranks, [PROGRAM, *arguments], cwd)
    said = f"brenier {' '.join(map(str, arguments))}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == code, said
    assert "PETSC ERROR" not in done.stderr, said
    return done
