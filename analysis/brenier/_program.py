"""Where the program is, and the environment in which mpiexec works on one machine (as tools/mpi-environment.sh sets
it)."""
import os
import shutil
import signal

from .errors import BadArguments, InputOutput

HERE = os.path.dirname(os.path.abspath(__file__))
# In a source tree (analysis/brenier), and installed by CMake (PREFIX/lib/python3/dist-packages/brenier)
BESIDE = ("../../build/release/bin/brenier", "../../../../bin/brenier")
# Variables of a process that itself is a rank of MPI; a program started from there would take them for its own
OF_A_RANK = ("OMPI_COMM_WORLD_", "OMPI_UNIVERSE_", "OMPI_MCA_orte_", "OMPI_MCA_ess_", "OMPI_MCA_pmix", "OMPI_APP_",
             "OMPI_FILE_LOCATION", "OMPI_ARGV", "OMPI_COMMAND", "OMPI_NUM_APP", "OMPI_FIRST_RANKS",
             "PMIX_", "PMI_")  # fmt: skip


def find_program() -> str:
    """Path of the program: BRENIER_PROGRAM, else beside the package, else in PATH. Raises InputOutput when there is
    none."""
    named = os.environ.get("BRENIER_PROGRAM")
    if named:
        if not os.access(named, os.X_OK) or os.path.isdir(named):
            raise InputOutput(f"BRENIER_PROGRAM is {named}, which is not a program")
        return os.path.abspath(named)
    for place in BESIDE:
        path = os.path.normpath(os.path.join(HERE, place))
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    found = shutil.which("brenier")
    if found is None:
        raise InputOutput("the program brenier is not found; build it, or let BRENIER_PROGRAM name it")
    return os.path.abspath(found)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_ranks(ranks, threads, numbers: int) -> int:
    """The number of ranks: as asked, else BRENIER_RANKS, else 1 for few numbers (n d), else one for each `threads`
    cores."""
    if ranks is None and os.environ.get("BRENIER_RANKS"):
        ranks = os.environ["BRENIER_RANKS"]
    if ranks is None:
        few = 20000  # a solve of fewer takes less time than the start of mpiexec
        return 1 if numbers < few else max(1, cores() // (threads or 1))
    try:
        count = int(ranks)
    except (TypeError, ValueError):
        count = 0
    if count < 1 or isinstance(ranks, float):
        raise BadArguments(f"ranks is {ranks!r}; it is a whole number from 1 on")
    return count


def environment(ranks: int) -> "dict[str, str]":
    """The variables of a run on so many ranks."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(OF_A_RANK)}
    variables.update(
        OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", OMPI_MCA_orte_execute_quiet="1", BRENIER_RANKS=str(ranks)
    )
    variables.setdefault("OMP_WAIT_POLICY", "passive")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        variables.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    if cores() < ranks:
        variables["OMPI_MCA_rmaps_base_oversubscribe"] = "1"
    return variables


def command_line(arguments, ranks: int) -> "list[str]":
    """The words that start the program on so many ranks; one rank needs no mpiexec."""
    words = [find_program(), *map(str, arguments)]
    if ranks > 1:
        launcher = shutil.which(os.environ.get("BRENIER_LAUNCHER", "mpiexec"))
        if launcher is None:
            raise InputOutput(
                "mpiexec is not found, which starts more than one rank; install Open MPI, or pass ranks=1"
            )
        words = [launcher, "-n", str(ranks), *words]
    guard = shutil.which("setpriv")
    if guard and os.name == "posix" and os.path.exists("/proc/self"):
        # A Python that is killed takes the program with it (Linux)
        words = [guard, "--pdeathsig", "INT", *words]
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and shutil.which("env"):
        # A shell's background job ignores interrupts, and would hand that on to the program
        words = [shutil.which("env"), "--default-signal=INT", *words]
    return words
