"""What the fuzzer of results, checkpoints, files of options and logs has kept is answered as it was then."""
import os
import sys

import bounded
import pytest
from program import PROGRAM, REPOSITORY


@pytest.mark.parametrize("kind", ["result", "checkpoint", "options", "log"])
def test_kept_inputs(kind, tmp_path):
    command = [sys.executable, os.path.join(REPOSITORY, "tests", "fuzz", "files.py"), kind, "--replay"]
    done = bounded.run(command, cwd=tmp_path, env={**os.environ, "BRENIER_PROGRAM": PROGRAM})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no finding" in done.stdout
