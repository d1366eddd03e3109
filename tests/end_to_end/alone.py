"""Runs the program as one process without mpiexec, under limits and in an environment of the test's own."""
import os

import bounded
from program import PROGRAM, REPOSITORY, TIME_LIMIT, mpi_environment

SHELL = '. "$0/tools/mpi-environment.sh"; {limits} exec "$@" {redirections}'


def alone(*arguments, cwd, code, limits="", redirections="", seconds=TIME_LIMIT, environment=(), without=()):
    """Runs `brenier ARGUMENTS` and expects that exit code and no traceback.

    limits: commands for the shell before it, "ulimit -f 100;"; redirections: words for the shell behind it.
    environment: variables to add, as a dict; without: names to take away.
    """
    variables = {**os.environ, **dict(environment)}
    for name in without:
        variables.pop(name, None)
    command = [PROGRAM, *map(str, arguments)]
    if limits or redirections:
        command = ["bash", "-c", SHELL.format(limits=limits, redirections=redirections), REPOSITORY, *command]
    else:
        variables.update(mpi_environment(1))
    done = bounded.run(command, seconds, env=variables, cwd=cwd)
    said = (
        f"{limits} brenier {' '.join(map(str, arguments))}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    assert done.returncode == code, said
    assert "PETSC ERROR" not in done.stderr, said
    return done


def expect_sentence(done, *words):
    """Exactly one line on standard error, with those words."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("brenier: error: "), done.stderr
    for word in words:
        assert word in lines[0], done.stderr
