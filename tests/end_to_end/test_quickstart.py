"""./quickstart works from any folder, ends with its three lines, and fails with a sentence."""
import os

import bounded
import matplotlib.image
import pytest
from program import PROGRAM, REPOSITORY, TIME_LIMIT

# What ./check sets to save time
OURS = ("OMPI_MCA_pml", "OMPI_MCA_ess_singleton_isolated", "HWLOC_PLUGINS_PATH", "HWLOC_COMPONENTS", "LD_PRELOAD")
QUICKSTART = os.path.join(REPOSITORY, "quickstart")
BUILD = os.path.dirname(os.path.dirname(os.path.abspath(PROGRAM)))


def quickstart(*arguments, cwd):
    """With the build that is there, which ./check has made by the same commands, and with MPI as a user has it."""
    user = {name: value for name, value in os.environ.items() if name not in OURS}
    return bounded.run([QUICKSTART, *arguments], max(500, TIME_LIMIT), cwd=cwd,
                       env={**user, "BRENIER_BUILD": BUILD})  # fmt: skip


@pytest.mark.slow
def test_small(tmp_path):
    done = quickstart("some folder/out", "-small", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    computed, time, accuracy, picture = done.stdout.splitlines()[-4:]
    assert "2,000 images" in computed and " s on " in time
    assert "relative error of the cell masses" in accuracy and "95% interval" in accuracy
    path = picture.split(maxsplit=1)[1]
    assert path == str(tmp_path / "some folder" / "out" / "quickstart.png")
    assert matplotlib.image.imread(path).shape[1] > 1000


def test_unknown_option(tmp_path):
    done = quickstart("-nonsense", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("quickstart: unknown option '-nonsense'")


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    done = quickstart("file/out", cwd=tmp_path)
    assert done.returncode == 1 and "cannot make the folder file/out" in done.stderr
