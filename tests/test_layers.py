"""The layer rule holds in this repository, and each of its rules can fail."""
import os

import layers

import pytest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def violations(tmp_path, files):
    """Violations in a repository made of these files, on top of a small lawful one."""
    lawful = {
        "include/brenier/error.h": "#include <petscsys.h>\n",
        "include/brenier/random.h": "#include <stdint.h>\n",
        "include/brenier/version.h.in": "",
        "include/brenier/tile.h": "#include <stddef.h>\n",
        "include/brenier/dual.h": "#include <brenier/error.h>\n",
        "src/kernel/tile.c": "#include <brenier/tile.h>\n#include <brenier/random.h>\n#include <math.h>\n",
        "src/dual/scan.h": '#include "dual/lists.h"\n',
        "src/dual/lists.h": "#include <brenier/version.h>\n",
        "src/dual/scan.c": '#include "scan.h"\n#include <brenier/tile.h>\n#include <mpi.h>\n',
    }
    for name, text in {**lawful, **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found, count = layers.check(str(tmp_path))
    assert count >= 8
    return found


def test_this_repository():
    found, count = layers.check(REPOSITORY)
    assert found == [] and list(layers.check_stale(REPOSITORY)) == []
    assert count > 10


def test_lawful(tmp_path):
    assert violations(tmp_path, {}) == []


@pytest.mark.parametrize(
    "path, text, words",
    [
        ("src/base/log.c", "#include <brenier/dual.h>\n", "higher layer dual"),
        ("src/base/log.c", "  #  include  <brenier/dual.h> // why\n", "higher layer dual"),
        ("include/brenier/array.h", "#include <brenier/dual.h>\n", "higher layer dual"),
        ("include/brenier/unheard.h", "", "add it to MODULE_OF_HEADER"),
        ("src/unheard/file.c", "", "add its folder to LAYER"),
        ("src/map/map.c", '#include "gone.h"\n', "leads nowhere"),
        ("src/map/map.c", "#include <brenier/gone.h>\n", "leads nowhere"),
        ("src/kernel/walk.c", "#include <mpi.h>\n", "kernel reaches mpi.h"),
        ("src/kernel/walk.c", "#include <brenier/error.h>\n",
         "kernel reaches petscsys.h through include/brenier/error.h"),
        ("src/map/map.c", 'void F(void) { printf("x"); }\n', "silent"),
        ("src/dual/scan.c", "MPI_Comm comm = PETSC_COMM_WORLD;\n", "silent"),
        ("include/brenier/envelope.h", "#include <petscvec.h>\n", "kernel reaches petscvec.h"),
        ("src/solve/stages.c", '#include "dual/scan.h"\n', "only the public headers of dual"),
        ("src/app/main.c", '#include "../dual/scan.h"\n', "only the public headers of dual"),
    ],
)
def test_each_rule_can_fail(tmp_path, path, text, words):
    found = violations(tmp_path, {path: text})
    assert len(found) == 1 and words in found[0], found


def test_one_layer_both_ways(tmp_path):
    found = violations(
        tmp_path,
        {
            "include/brenier/linear.h": "",
            "src/linear/pca.c": "#include <brenier/dual.h>\n",
            "src/dual/start.c": "#include <brenier/linear.h>\n",
        },
    )
    assert len(found) == 1 and "include each other" in found[0]


def test_private_header_of_a_lower_layer_is_allowed_below_solve(tmp_path):
    assert violations(tmp_path, {"src/map/map.c": '#include "dual/scan.h"\n'}) == []


def test_comments_do_not_count(tmp_path):
    assert violations(tmp_path, {"src/base/log.c": "/*\n#include <brenier/dual.h>\n*/\n// #include <mpi.h>\n"}) == []


def test_an_entry_for_what_is_gone(tmp_path):
    for name in layers.MODULE_OF_HEADER:
        path = tmp_path / "include" / "brenier" / layers.GENERATED.get(name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for module in layers.LAYER:
        (tmp_path / "src" / module).mkdir(parents=True)
    assert list(layers.check_stale(str(tmp_path))) == []
    (tmp_path / "include/brenier/sum.h").unlink()
    (tmp_path / "src/low").rmdir()
    found = list(layers.check_stale(str(tmp_path)))
    assert len(found) == 2 and "brenier/sum.h" in found[0] and "src/low" in found[1]
