"""The package by pip and by CMake, and its version."""
import os
import re
import shutil
import subprocess
import sys

import brenier

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINE = "import brenier; print(brenier.__file__); print(brenier.solve([[0.0, 1.0], [1.0, 0.0]]).status)"


def runs(path, **variables):
    """Whether a solve works with that path alone; returns where the package was found."""
    environment = {**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, "PYTHONPATH": str(path), **variables}
    done = subprocess.run(
        [sys.executable, "-c", LINE], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    place, status = done.stdout.split()
    assert status == "converged"
    return place


def test_by_pip(tmp_path):
    """From a copy, as setuptools builds in the source folder."""
    shutil.copytree(os.path.join(ROOT, "analysis"), tmp_path / "analysis", ignore=shutil.ignore_patterns("build"))
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation",
                    "--target", tmp_path / "site", tmp_path / "analysis"], check=True, capture_output=True)  # fmt: skip
    assert runs(tmp_path / "site", BRENIER_PROGRAM=brenier._program.find_program()).startswith(str(tmp_path))
    assert os.path.exists(tmp_path / "site" / "brenier" / "py.typed")
    assert not os.path.exists(tmp_path / "site" / "compare.py")


def test_beside_the_program(tmp_path):
    """As CMake installs it: PREFIX/lib/python3/dist-packages beside PREFIX/bin."""
    place = tmp_path / "lib" / "python3" / "dist-packages"
    shutil.copytree(os.path.join(ROOT, "analysis", "brenier"), place / "brenier")
    (tmp_path / "bin").mkdir()
    os.symlink(brenier._program.find_program(), tmp_path / "bin" / "brenier")
    environment = {"BRENIER_PROGRAM": ""}
    assert runs(place, **environment).startswith(str(tmp_path))


def test_without_torch(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError")
    runs(f"{tmp_path}:{ROOT}/analysis", BRENIER_PROGRAM=brenier._program.find_program())


def test_version_is_that_of_the_project():
    def number(name, pattern):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            return re.search(pattern, file.read())[1]

    assert number("CMakeLists.txt", r"project\(brenier VERSION ([\d.]+)") == brenier.__version__
    assert number("analysis/pyproject.toml", r'version = "([\d.]+)"') == brenier.__version__
