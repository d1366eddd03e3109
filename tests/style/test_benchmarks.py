"""Tests of tools/benchmarks and of analysis/bench_record.py: page and records agree, and each fault is found."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "analysis"))
import bench_record  # noqa: E402

PAGE, HARD = "docs/benchmarks.md", "docs/benchmarks/hard.json"
ABOUT = {name: "x" for name in bench_record.FIELDS if name not in ("command", "date")} | {"date": "2026-11-29"}


@pytest.fixture
def copy(tmp_path):
    """What tools/benchmarks needs, in a folder of its own."""
    for folder in ("tools", "docs/benchmarks"):
        shutil.copytree(os.path.join(ROOT, folder), tmp_path / folder)
    (tmp_path / "analysis").mkdir()
    for path in (PAGE, "analysis/bench_record.py"):
        shutil.copy(os.path.join(ROOT, path), tmp_path / path)
    return tmp_path


def benchmarks(folder, *arguments):
    done = subprocess.run([sys.executable, str(folder / "tools" / "benchmarks"), *arguments], capture_output=True,
                          text=True, timeout=60, check=False)  # fmt: skip
    return done.returncode, done.stdout


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_page_has_what_the_records_have():
    assert benchmarks(pathlib.Path(ROOT), "--check") == (0, "")


def test_a_figure_changed_on_the_page_is_found_and_mended(copy):
    figures = json.loads((copy / HARD).read_text())["tables"][0]["rows"][0][4]
    change(copy / PAGE, f"| {figures} |", f"| {figures}1 |")
    code, said = benchmarks(copy, "--check")
    assert code == 1 and "disagrees with the records" in said
    assert benchmarks(copy) == (0, f"{PAGE}: written\n") and benchmarks(copy, "--check")[0] == 0


def test_a_record_without_a_place_or_with_a_short_row_is_named(copy):
    shutil.copy(copy / HARD, copy / "docs/benchmarks/other.json")
    assert "other.json: docs/benchmarks.md has no <!-- record other -->" in benchmarks(copy, "--check")[1]
    cells = len(json.loads((copy / HARD).read_text())["tables"][0]["columns"])
    change(copy / HARD, '"kind", ', "")
    code, said = benchmarks(copy, "--check")
    assert code == 1 and f"hard.json: row 0 of table '' has {cells} cells, of {cells - 1} columns" in said
    (copy / HARD).unlink()
    assert "hard.json: is missing" in benchmarks(copy, "--check")[1]


def test_run_replaces_a_record_only_by_a_whole_one(copy):
    """The command of the record runs with -record FILE; one that writes none leaves the old record."""
    record = json.loads((copy / HARD).read_text())
    (copy / "make.sh").write_text(f'#!/bin/sh\n[ "$1" = -record ] && cp {HARD} "$2" && sed -i s/student/pupil/ "$2"\n')
    (copy / "make.sh").chmod(0o755)
    change(copy / HARD, json.dumps(record["command"]), '"false"')
    code, said = benchmarks(copy, "--run", "hard")
    assert code == 1 and "no record came of it" in said and "student" in (copy / HARD).read_text()
    change(copy / HARD, '"false"', '"./make.sh"')
    assert benchmarks(copy, "--run", "hard")[0] == 0
    assert "pupil" in (copy / HARD).read_text() and "| pupil | 4 |" in (copy / PAGE).read_text()


def test_record_is_read_as_it_was_written(tmp_path):
    path = str(tmp_path / "r.json")
    table = bench_record.table("a | b", [[1, ""], ["x", "2.0"]], "title")
    bench_record.write(path, [table], ["A remark."], ABOUT, "make it")
    assert bench_record.read(path)["tables"] == [table]
    assert bench_record.rows(path) == [{"a": "1", "b": ""}, {"a": "x", "b": "2.0"}]
    assert bench_record.markdown(table) == "**title**\n\n| a | b |\n|---|---|\n| 1 | |\n| x | 2.0 |"
    assert re.search("29 November 2026", bench_record.caption(bench_record.read(path), "r"))
    with pytest.raises(ValueError, match="is not YYYY-MM-DD"):
        bench_record.write(path, [table], (), ABOUT | {"date": "yesterday"}, "make it")
    with pytest.raises(ValueError, match="says nothing of its processor"):
        bench_record.write(path, [table], (), ABOUT | {"processor": ""}, "make it")
