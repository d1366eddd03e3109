"""Each check of style passes what is lawful and can fail; on this repository ./check runs them."""
import os
import subprocess

import c_text
import circles
import columns
import constants
import functions
import pytest
import reflow

LONG = "x" * 121


def repository(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(tmp_path)


# ---- circles


def built(tmp_path, files):
    """Objects of these files of src/, where CMake would put them, and the repository."""
    root = repository(tmp_path, {f"src/{name}": text for name, text in files.items()})
    for name in files:
        place = tmp_path / "build" / "src" / "CMakeFiles" / "brenier.dir" / (name + ".o")
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-c", "-o", place, os.path.join(root, "src", name)], check=True)
    return str(tmp_path / "build"), root


LADDER = {
    "dual/a.c": "int b(void); int a(void) { return b(); }",
    "dual/b.c": "int c(void); int b(void) { return c(); }",
    "dual/c.c": "int c(void) { return 1; }",
}


def test_files_without_a_circle(tmp_path):
    assert circles.check(*built(tmp_path, LADDER)) == ([], 3)


@pytest.mark.parametrize("low, words", [
    ("int a(void); int c(void) { return a(); }", "a.c uses b of b.c, b.c uses c of c.c, c.c uses a of a.c"),
    ("int b(void); int (*table)(void) = b; int c(void) { return 1; }", "b.c uses c of c.c, c.c uses b of b.c"),
    ("extern int some; int c(void) { return some; }", "b.c uses c of c.c, c.c uses some of b.c"),
])  # fmt: skip
def test_a_circle(tmp_path, low, words):
    middle = "int some; int c(void); int b(void) { return c(); }"
    found, _ = circles.check(*built(tmp_path, {**LADDER, "dual/b.c": middle, "dual/c.c": low}))
    assert found == ["src/dual: " + words]


def test_a_circle_through_two_folders_is_the_layers_concern(tmp_path):
    files = {"dual/a.c": "int b(void); int a(void) { return b(); }",
             "map/b.c": "int a(void); int b(void) { return a(); }"}
    assert circles.check(*built(tmp_path, files)) == ([], 2)


def test_an_object_whose_source_is_gone(tmp_path):
    build, root = built(tmp_path, {**LADDER, "dual/c.c": "int a(void); int c(void) { return a(); }"})
    os.remove(os.path.join(root, "src/dual/c.c"))
    assert circles.check(build, root) == ([], 2)


# ---- functions


def function(lines, parameters="void"):
    return f"/* Does it. */\nstatic int Do({parameters})\n{{\n" + "  x;\n" * (lines - 3) + "}\n"


def test_functions_as_they_should_be(tmp_path):
    names = ", ".join(f"int a{i}" for i in range(8))
    pointer = "int (*f)(int, int, int, int, int, int, int, int, int), double x[2], char *s"
    text = "#define EMPTY \\\n  { \\\n  }\n" + function(50) + "\n" + function(4, names) + "\n" + function(4, pointer)
    assert functions.check(repository(tmp_path, {"src/a.c": text})) == ([], 3)


@pytest.mark.parametrize("text, words", [
    (function(51), "src/a.c:2: Do() has 51 lines"),
    (function(4, ", ".join(f"int a{i}" for i in range(9))), "Do() has 9 parameters"),
    (function(4, ",\n  ".join(f"int a{i}" for i in range(9))), "Do() has 9 parameters"),
    ("static __attribute__((noinline)) " + function(4, ", ".join(f"int a{i}" for i in range(9)))[26:], "9 parameters"),
])  # fmt: skip
def test_a_function_too_large(tmp_path, text, words):
    found, _ = functions.check(repository(tmp_path, {"src/a.c": text}))
    assert len(found) == 1 and words in found[0]


# ---- columns


def test_columns(tmp_path):
    files = {
        "src/a.c": f"// {LONG[:117]}\n/* {LONG[:118]}\n*/\n",
        "tests/b.py": f"{LONG}\n",
        "tests/run": f"#!/bin/bash\n# {LONG}\n",
        "tests/data": f"{LONG}\n",
        "tests/fuzz/corpus/c.h": f"{LONG}\n",
        "docs/page.md": f"{LONG[:120]}\n| {LONG} |\n```\n{LONG}\n```\n{LONG}\n",
        "docs/reference/api/d.md": f"{LONG}\n",
    }
    found, count = columns.check(repository(tmp_path, files))
    places = ["docs/page.md:6:", "src/a.c:2:", "tests/b.py:1:", "tests/run:2:"]
    assert sorted(line.split(" ")[0] for line in found) == places and count == 4


# ---- constants


def test_constants_of_one_value(tmp_path):
    files = {
        "src/a.c": "#define A 3 /* why */\nenum { B = 4, C };\n"
        "static const double d = 1.0, e = 2.0;\nstatic int f = 1;\n",
        "src/b.c": '#define A 3\nenum { C, B = 4 };\nstatic const double d = 1.0;\n'
        'static int f = 2;\n#define G "a // b"\n',
        "src/c.c": "void F(void)\n{\n  enum { B = 5 };\n  const double d = 2.0;\n}\n",
        "src/kernel/tile_avx2.c": "#define A 8\n",
    }
    found, count = constants.check(repository(tmp_path, files))
    assert found == [] and count == 5


@pytest.mark.parametrize("text, words", [
    ("#define A 4\n", "A is 3 in src/a.c and 4 in src/b.c"),
    ("enum { B = 4,\n  A = (1 << 2) };\n", "A is 3 in src/a.c and (1<<2) in src/b.c"),
    ("static const double x = 1.0, d = 2.0;\n", "d is 1.0 in src/a.c and 2.0 in src/b.c"),
    ("const double d[2] = {1.0, 2.0}; static const int A = 2;\n", ""),
    ("static const char s[] = \"b\";\n", ""),
])  # fmt: skip
def test_a_namesake(tmp_path, text, words):
    first = "#define A 3\nstatic const double d = 1.0;\n"
    found, _ = constants.check(repository(tmp_path, {"src/a.c": first, "src/b.c": text}))
    assert found == ([words] if words else [])


# ---- a check that looks at nothing


@pytest.mark.parametrize("script", ["circles", "columns", "constants", "functions", "links", "words"])
def test_nothing_looked_at(tmp_path, script):
    folder = os.path.dirname(c_text.__file__)
    arguments = [str(tmp_path)] * (2 if script == "circles" else 1)
    done = subprocess.run([os.path.join(folder, script + ".py"), *arguments], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1 and f"{script}: 0 " in done.stdout


# ---- reflow

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"


@pytest.mark.parametrize("before, after", [
    (f"/* {WORDS} eighteen-or-something */\n", f"/* {WORDS}\n   eighteen-or-something */\n"),
    (f"/* {WORDS} eighteen-or-something\n   nineteen. */\n", f"/* {WORDS}\n   eighteen-or-something nineteen. */\n"),
    (f"/*\n  {WORDS} eighteen-or-something\n\n  next\n*/\n", f"/*\n  {WORDS}\n  eighteen-or-something\n\n  next\n*/\n"),
    (f"  // {WORDS} eighteen-or-something\n  x;\n", f"  // {WORDS}\n  // eighteen-or-something\n  x;\n"),
    (f"/*@\n. name - {WORDS} eighteen-or-something\n         more\n. b - c\n@*/\n",
     f"/*@\n. name - {WORDS}\n         eighteen-or-something more\n. b - c\n@*/\n"),
    (f"int {LONG[:90]}; /* {WORDS[:60]} */\n", f"/* {WORDS[:60]} */\nint {LONG[:90]};\n"),
    (f"/* {WORDS} */\n", f"/* {WORDS} */\n"),
])  # fmt: skip
def test_reflow(before, after):
    assert reflow.reflow(before) == (after, [])
    assert reflow.reflow(after) == (after, [])
    assert reflow.code_and_words(before, False) == reflow.code_and_words(after, False)


def test_reflow_leaves_code(tmp_path):
    text = f'x = "{LONG}";\n#define A \\\n  /* {LONG} {LONG} */ \\\n  1\n'
    after, left = reflow.reflow(text)
    assert after == text and left == [1, 3]
