"""The C library as its users have it: installed under a prefix, found by pkg-config and by find_package."""
import glob
import os
import re
import shutil
import subprocess

import pytest
from program import PROGRAM, REPOSITORY, run_on

BUILD = os.path.dirname(os.path.dirname(os.path.abspath(PROGRAM)))
HEADER = os.path.join(REPOSITORY, "include", "brenier", "brenier.h")
EXAMPLES = os.path.join(REPOSITORY, "examples")
PAGES = ("README.md", "docs/howto/from-c.md")

# What a fragment of a page leaves to its readers
FRAGMENT = """#include <brenier/brenier.h>
#include <stdio.h>
void fragment(MPI_Comm comm, brenier_context *context, brenier_targets *targets, brenier_result *result,
              brenier_options options, const float *particles, double *y, double *nu, int64_t n, int64_t dim);
void fragment(MPI_Comm comm, brenier_context *context, brenier_targets *targets, brenier_result *result,
              brenier_options options, const float *particles, double *y, double *nu, int64_t n, int64_t dim)
{
  (void)comm, (void)context, (void)targets, (void)result, (void)options, (void)particles, (void)y, (void)nu, (void)n;
  (void)dim;
  %s
}
"""


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def run(command, ranks=1, cwd=None, **variables):
    """Runs a program on ranks, and expects that it succeeds; returns what it printed."""
    done = run_on(ranks, command, cwd, **{"OMP_WAIT_POLICY": "passive", **variables})
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Installed, and then moved: nothing may depend on the place."""
    folder = tmp_path_factory.mktemp("library")
    run(["cmake", "--install", BUILD, "--prefix", folder / "first"])
    os.rename(folder / "first", folder / "prefix")
    return folder / "prefix"


def modules(prefix):
    return {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}


@pytest.fixture(scope="module", params=["pkg-config", "find_package"])
def programs(request, prefix, tmp_path_factory):
    """The folder with the examples, compiled out of the tree."""
    folder = tmp_path_factory.mktemp("examples")
    copy = shutil.copytree(EXAMPLES, folder / "source")
    if request.param == "pkg-config":
        run(["make", "-C", copy, f"OUT={folder}"], **modules(prefix))
    else:
        run(["cmake", "-S", copy, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}"])
        run(["cmake", "--build", folder])
    return folder


def test_examples(programs, tmp_path):
    said = run([programs / "solve_and_map", "result.h5"], cwd=tmp_path)
    assert "T(0.1, -0.2) = (5, 4), target 54" in said and "read again: converged" in said
    assert (tmp_path / "result.h5").exists()
    said = run([programs / "half_of_the_ranks"], ranks=3)
    assert "89 targets, rho = " in said and "rank 2 received 50 samples" in said
    assert re.search(r"source axes: h_1 - h_2 = \d\.\d+, exact 1.0000", run([programs / "own_source"], ranks=2))


def public():
    return set(re.findall(r"^BRENIER_API .*?(brenier_\w+)\(", text(HEADER), re.MULTILINE))


def test_what_is_installed(prefix):
    assert [path.name for path in (prefix / "include" / "brenier").iterdir()] == ["brenier.h"]
    pages = {os.path.basename(path) for path in glob.glob(os.path.join(REPOSITORY, "man", "*.1"))}
    assert {path.name for path in (prefix / "share" / "man" / "man1").iterdir()} == pages
    assert run([prefix / "bin" / "brenier", "-version"]).startswith("brenier ")


def test_names_that_a_shared_library_shows(prefix):
    library = prefix / "lib" / "libbrenier.so"
    if not library.exists():
        pytest.skip("built with BUILD_SHARED_LIBS=OFF")
    shown = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    names = {line.split()[2].partition("@")[0] for line in shown.splitlines() if line.split()[1] != "A"}
    assert names == public() and len(names) > 50
    assert os.path.realpath(library).endswith(".so." + version())


def version():
    return re.search(r"project\(brenier VERSION ([\d.]+)", text(os.path.join(REPOSITORY, "CMakeLists.txt")))[1]


def test_version(prefix):
    numbers = re.findall(r"#define BRENIER_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text(HEADER))
    assert ".".join(numbers) == version()
    assert run(["pkg-config", "--modversion", "brenier"], **modules(prefix)).strip() == version()


def test_every_function_is_called():
    paths = [*glob.glob(os.path.join(EXAMPLES, "*.c")), os.path.join(REPOSITORY, "tests", "unit", "test_library.c")]
    called = set(re.findall(r"\b(brenier_\w+)\(", "".join(map(text, paths)))) | {"brenier_print_to_streams"}
    assert public() <= called and "brenier_print_to_streams" in "".join(map(text, paths))


@pytest.mark.parametrize("language", [["-x", "c", "-std=c99"], ["-x", "c++", "-std=c++11", "-DOMPI_SKIP_MPICXX"]])
def test_the_header_stands_alone(prefix, language, tmp_path):
    (tmp_path / "alone.c").write_text("#include <brenier/brenier.h>\n")
    if "c++" in language and not shutil.which("g++"):
        pytest.skip("no C++ compiler")
    run(["mpicc", *language, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{prefix}/include", "alone.c"],
        cwd=tmp_path)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_programs_of_pages(prefix, page, tmp_path):
    codes = re.findall(r"^```c\n(.*?)^```", text(os.path.join(REPOSITORY, page)), re.MULTILINE | re.DOTALL)
    flags = run(["pkg-config", "--cflags", "--libs", "brenier"], **modules(prefix)).split()
    assert codes
    for code in codes:
        whole = "int main(" in code
        (tmp_path / "page.c").write_text(code if whole else FRAGMENT % code)
        strict = ["-std=c11", "-Wall", "-Wextra", "-Werror"] + ([] if whole else ["-fsyntax-only"])
        run(["mpicc", *strict, "page.c", "-o", "page", *flags], cwd=tmp_path)
        if whole:
            said = run([tmp_path / "page"], cwd=tmp_path, LD_LIBRARY_PATH=str(prefix / "lib"))
            assert "rho = " in said and "T(x) = " in said
