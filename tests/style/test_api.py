"""tools/api finds what a contract does not say, finds functions without one, and keeps its pages up to date."""
import importlib.machinery
import importlib.util
import os

import c_text
import pytest

TOOL = os.path.join(c_text.REPOSITORY, "tools", "api")
LOADER = importlib.machinery.SourceFileLoader("api", TOOL)
api = importlib.util.module_from_spec(importlib.util.spec_from_loader("api", LOADER))
LOADER.exec_module(api)

WHOLE = """/*
  lake.h - Lakes: how deep they are.

  A lake has a depth for each of its points <x,y>.
*/
#pragma once

#include <petscvec.h>

/* A lake. */
typedef struct _p_BrenierLake *BrenierLake;

/*@
  BrenierLakeDepth - Gives the depths of a lake

  Collective on the lake's communicator

  Input Parameters:
+ lake - the lake; see BrenierLakeIsDry()
. v    - water levels, laid out as the lake; unit: m
- n    - number of points

  Output Parameter:
. depth - depths below the levels,
          shape [n]; unit: m

  Errors:
. `PETSC_ERR_ARG_OUTOFRANGE` - n is negative

  Cost: O(n)
@*/
PETSC_EXTERN PetscErrorCode BrenierLakeDepth(BrenierLake lake, Vec v, PetscInt n,
                                             PetscReal depth[]);

/*@
  BrenierLakeIsDry, BrenierLakeIsWet - Tells whether there is no water, or some

  Not collective

  Input Parameters:
+ lake - the lake
- ask  - called as ask(context, name)

  Returns: true if so

  Cost: O(1)
@*/
PETSC_EXTERN PetscBool BrenierLakeIsDry(BrenierLake lake, PetscBool (*ask)(void *, const char[]));
static inline PetscBool BrenierLakeIsWet(BrenierLake lake, PetscBool (*ask)(void *, const char[]))
{
  return (PetscBool)!BrenierLakeIsDry(lake, ask);
}

/*@
  BrenierLakeArea - Gives the area of a lake

  Not collective

  Input Parameter:
. lake - the lake

  Returns: the area; unit: m^2

  Cost: O(1)
@*/
PETSC_EXTERN PetscReal BrenierLakeArea(BrenierLake lake);
"""


def place(header, name):
    """Where a function is declared, as a finding names it."""
    before = header[: header.index(name + "(BrenierLake lake")]
    return f"include/brenier/lake.h:{before.count(chr(10)) + 1}: {name}"


def repository(tmp_path, header):
    path = tmp_path / "include" / "brenier" / "lake.h"
    path.parent.mkdir(parents=True)
    path.write_text(header)
    return str(tmp_path)


def findings(tmp_path, header):
    pages, found = api.read(repository(tmp_path, header))
    assert not (pages and found)
    return found


def test_a_header_with_whole_contracts(tmp_path):
    pages, found = api.read(repository(tmp_path, WHOLE))
    assert found == []
    assert sorted(pages) == ["docs/reference/api/README.md", "docs/reference/api/lake.md"]
    assert "| [lake.h](lake.md) | Lakes: how deep they are. | 4 |" in pages["docs/reference/api/README.md"]
    page = pages["docs/reference/api/lake.md"]
    assert "A lake has a depth for each of its points <x,y>." in page  # in a block of text, as it is
    assert "typedef struct _p_BrenierLake *BrenierLake;" in page
    assert "- `lake`: the lake; see [`BrenierLakeIsDry()`](lake.md#brenierlakeisdry)" in page
    assert "- `depth`: depths below the levels,\n  shape [n]; unit: m" in page
    assert "- `PETSC_ERR_ARG_OUTOFRANGE`: n is negative" in page
    assert page.count("Tells whether there is no water, or some.") == 1
    assert "### BrenierLakeIsDry\n\n### BrenierLakeIsWet\n" in page


@pytest.mark.parametrize("old, new, what", [
    ("Gives the depths of a lake", "", "its purpose is not one sentence behind ' - '"),
    ("Gives the depths of a lake", "Gives depths. It may be slow", "its purpose is not one sentence behind ' - '"),
    ("Collective on the lake's communicator", "For all", "neither 'Collective on ...' nor 'Not collective'"),
    ("- n    - number of points\n", "", "parameter n is not described"),
    ("shape [n]; ", "", "parameter depth has no shape"),
    ("shape [n]; unit: m", "shape [n]", "parameter depth has no unit"),
    (", laid out as the lake", "", "parameter v does not say what it is laid out as"),
    ("laid out as the lake; unit: m", "laid out as the lake", "parameter v has no unit"),
    (". `PETSC_ERR_ARG_OUTOFRANGE` - n", ". an error - n", "no 'Errors:' by code, or 'none of its own'"),
    ("  Cost: O(n)\n", "", "no 'Cost:'"),
])  # fmt: skip
def test_what_a_contract_does_not_say(tmp_path, old, new, what):
    header = WHOLE.replace(old, new, 1)
    assert findings(tmp_path, header) == [place(header, "BrenierLakeDepth") + ": " + what]


@pytest.mark.parametrize("old, new, what", [
    ("  Returns: the area; unit: m^2\n", "\n", "no 'Returns:'"),
    ("the area; unit: m^2", "the area", "its result has no unit"),
    ("PetscReal BrenierLakeArea", "const PetscReal *BrenierLakeArea", "its result has no shape"),
])  # fmt: skip
def test_what_a_contract_does_not_say_of_a_result(tmp_path, old, new, what):
    header = WHOLE.replace(old, new)
    assert findings(tmp_path, header) == [place(header, "BrenierLakeArea") + ": " + what]


def test_none_of_its_own_is_an_answer(tmp_path):
    none = WHOLE.replace("\n. `PETSC_ERR_ARG_OUTOFRANGE` - n is negative", " none of its own")
    assert findings(tmp_path, none) == []


def test_functions_without_a_contract(tmp_path):
    more = "/* Dries a lake. */\nPETSC_EXTERN PetscErrorCode BrenierLakeDry(BrenierLake lake);\n"
    some = WHOLE.replace("BrenierLakeIsDry, BrenierLakeIsWet -", "BrenierLakeIsDry -") + more
    assert findings(tmp_path, some) == [
        place(some, name) + ": no contract /*@ ... @*/ before it" for name in ("BrenierLakeIsWet", "BrenierLakeDry")
    ]


def test_contracts_of_what_is_not_there(tmp_path):
    strange = WHOLE.replace("- n    - number", "- m    - number").replace("BrenierLakeIsWet -", "BrenierLakeIsDamp -")
    assert {line.split(": ", 1)[1] for line in findings(tmp_path, strange)} == {
        "BrenierLakeDepth: parameter n is not described",
        "BrenierLakeDepth: describes m, which is no parameter",
        "BrenierLakeIsWet: no contract /*@ ... @*/ before it",
        "BrenierLakeIsDry: names BrenierLakeIsDamp, which is not declared after it",
    }


def test_a_header_without_a_head(tmp_path):
    assert findings(tmp_path, "#pragma once\n") == ["include/brenier/lake.h:1: no comment that introduces the header"]


def test_pages_out_of_date(tmp_path, capsys):
    root = repository(tmp_path, WHOLE)
    assert api.main(["--check", root]) == 1
    assert not (tmp_path / "docs").exists()
    assert api.main([root]) == 0
    assert api.main(["--check", root]) == 0
    (tmp_path / "docs/reference/api/lake.md").write_text("old\n")
    (tmp_path / "docs/reference/api/pond.md").write_text("of a header that is gone\n")
    capsys.readouterr()
    assert api.main(["--check", root]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:-1] == [f"docs/reference/api/{name}.md: out of date; run tools/api" for name in ("lake", "pond")]
    assert api.main([root]) == 0
    assert api.main(["--check", root]) == 0


def test_nothing_is_written_while_something_is_missing(tmp_path, capsys):
    assert api.main([repository(tmp_path, WHOLE.replace("  Cost: O(n)\n", ""))]) == 1
    assert "BrenierLakeDepth: no 'Cost:'" in capsys.readouterr().out
    assert not (tmp_path / "docs").exists()
