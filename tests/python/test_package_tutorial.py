"""The tutorial in cells runs, on fewer targets, and what it prints and draws is what it says."""
import os
import re
import sys

import bounded

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TUTORIAL = os.path.join(ROOT, "docs", "tutorial", "python.py")


def test_tutorial(tmp_path):
    environment = {**os.environ, "BRENIER_TUTORIAL_SMALL": "1", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1",
                   "PYTHONPATH": os.path.join(ROOT, "analysis")}  # fmt: skip
    done = bounded.run([sys.executable, TUTORIAL], cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert "a finite difference of u is T: 1.0\n" in done.stdout and done.stdout.endswith("True\n")
    w2 = [float(word) for word in re.search(r"^W2 (.* .*)$", done.stdout, re.MULTILINE).group(1).split()]
    assert w2 == sorted(w2, reverse=True) and len(w2) == 3
    with open(TUTORIAL, encoding="utf-8") as file:
        pictures = re.findall(r"savefig\(\"(.*)\"\)", file.read())
    assert len(pictures) == 4
    for name in pictures:
        assert os.path.getsize(tmp_path / name) > 5000
