"""Runs the program as a user does: through mpiexec, in the environment of tools/mpi-environment.sh."""
import os
import re
import subprocess

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("BRENIER_PROGRAM", os.path.join(REPOSITORY, "build", "release", "bin", "brenier"))
TIME_LIMIT = int(os.environ.get("BRENIER_TEST_SECONDS", "300"))  # a hang is a failure, exit code 124
# timeout asks mpiexec to end, which ends the ranks; killing mpiexec would leave them running
SHELL = f'. "$0/tools/mpi-environment.sh"; exec timeout --kill-after=10 {TIME_LIMIT} mpiexec -n "$BRENIER_RANKS" "$@"'

with open(os.path.join(REPOSITORY, "src", "data", "source_list.h"), encoding="utf-8") as registry:
    SOURCES = re.findall(r"^BRENIER_SOURCE\((\w+)\)", registry.read(), re.MULTILINE)  # the values of -source


def brenier(*arguments, ranks=2, code=0, cwd=None):
    """Runs `brenier ARGUMENTS` on that many ranks and expects that exit code; returns what it printed."""
    assert os.path.exists(PROGRAM), f"{PROGRAM} is not built; ./check builds it"
    environment = {
        **os.environ,
        "BRENIER_RANKS": str(ranks),
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "OMPI_MCA_odls_base_sigkill_timeout": "0",  # else mpiexec takes 2 s to end after an exit code other than 0
    }
    command = ["bash", "-c", SHELL, REPOSITORY, PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    said = f"brenier {' '.join(map(str, arguments))}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == code, said
    assert "PETSC ERROR" not in done.stderr, said
    return done
