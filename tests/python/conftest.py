"""Small problems, solved once for all tests of the package, and their environment."""
import brenier
import numpy as np
import pytest
from package_problems import points

# Where tests run side by side, a rank that waits gives its core away (tests/end_to_end/program.py)
SHARED_CORES = {
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_odls_base_sigkill_timeout": "0",
    "OMPI_MCA_pml": "ob1",
}


@pytest.fixture(autouse=True, scope="module")
def environment():
    """The package chooses ranks by itself, whatever the environment of ./check says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BRENIER_RANKS", raising=False)
        for name, value in SHARED_CORES.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def plane():
    """A result for 40 weighted targets in the plane: its cells are exact."""
    return brenier.solve(points(40, 2), np.random.default_rng(2).uniform(1, 3, 40), ranks=1)


@pytest.fixture(scope="session")
def sampled():
    """A result for 400 targets in six dimensions, from a fixed sample of curves."""
    return brenier.solve(points(400, 6), tol=None, curves=4000, ranks=1)
