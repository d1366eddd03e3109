"""Records of measurements: what was run, on which machine, when, and the tables that came of it.

A record is a JSON file of docs/benchmarks/, one a measurement. tests/bench/*.py write them (-record FILE), and
tools/benchmarks writes the tables of docs/benchmarks.md from them. Cells of a table are texts, as they stand on the
page. A record that says "not recorded" is of a measurement that did not note this.
"""
import datetime
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.environ.get("BRENIER_PROGRAM", os.path.join(ROOT, "build", "release", "bin", "brenier"))
FIELDS = ("command", "processor", "instruction_set", "cores", "date", "commit")  # of every record, each a text
UNKNOWN = "not recorded"


def fail(path, why):
    raise ValueError(f"{path}: {why}")


# ---- the machine ----


def processor():
    """The name that the processor gives itself."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or UNKNOWN


def instruction_set(program=None):
    """The instruction set that the program chooses here; asked by a solve of three targets."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(os.path.join(folder, "y.npy"), np.eye(3))
        subprocess.run(["mpiexec", "-n", "1", program or PROGRAM, "solve", "y.npy", "-o", "r.h5", "-log", "log"],
                       cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # fmt: skip
        try:
            with open(os.path.join(folder, "log"), encoding="utf-8") as file:
                return json.loads(file.readline())["simd"]
        except (OSError, ValueError, KeyError):
            return UNKNOWN


def commit(program=None):
    """The commit of which the program says that it was built."""
    done = subprocess.run([program or PROGRAM, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r"commit (\S+?)\)", done.stdout)
    return found[1] if found else UNKNOWN


def command_line():
    """The command of this process; a path below the repository as seen from there, a record's own name left out."""
    words = [os.path.relpath(os.path.abspath(sys.argv[0]), ROOT), *sys.argv[1:]]
    if "-record" in words:
        del words[words.index("-record") : words.index("-record") + 2]
    return shlex.join(words)


def machine(program=None):
    """What a record says of the machine, the day and the program. The load is that of other programs, at the start."""
    return {
        "processor": processor(), "instruction_set": instruction_set(program),
        "cores": str(len(os.sched_getaffinity(0))),
        "load": f"{os.getloadavg()[0]:.1f} processes before the run",
        "date": datetime.date.today().isoformat(), "commit": commit(program),
    }  # fmt: skip


# ---- records ----


def table(columns, rows, title=""):
    """A table of a record; columns as one text with | between them, or a list."""
    names = [name.strip() for name in columns.split("|")] if isinstance(columns, str) else list(columns)
    return {"title": title, "columns": names, "rows": [[str(cell) for cell in row] for row in rows]}


def write(path, tables, remarks=(), about=None, command=None):
    """Writes a record, a row of a table on a line of its own, so that two versions compare by lines."""
    record = {"command": command or command_line(), **(about or machine()), "remarks": list(remarks), "tables": tables}
    check(record, path)
    head = [f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}," for name,
                           value in record.items() if name != "tables"]
    parts = []
    for part in record["tables"]:
        rows = ",\n".join("   " + json.dumps(row, ensure_ascii=False) for row in part["rows"])
        parts.append(f'  {{"title": {json.dumps(part["title"], ensure_ascii=False)},\n   "columns": '
                     f'{json.dumps(part["columns"], ensure_ascii=False)},\n   "rows": [\n{rows}]}}')  # fmt: skip
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(["{", *head, ' "tables": [', ",\n".join(parts), " ]", "}", ""]))


def check(record, path):
    """Refuses what is no record, with the reason."""
    if not isinstance(record, dict):
        fail(path, "is not a record: a JSON object is needed")
    for name in FIELDS:
        if not isinstance(record.get(name), str) or not record[name]:
            fail(path, f"says nothing of its {name}; '{UNKNOWN}' stands for what nobody noted")
    if record["date"] != UNKNOWN and not re.fullmatch(r"\d{4}-\d\d-\d\d", record["date"]):
        fail(path, f"date '{record['date']}' is not YYYY-MM-DD")
    if not record.get("tables"):
        fail(path, "has no tables")
    for part in record["tables"]:
        for number, row in enumerate(part["rows"]):
            if len(row) != len(part["columns"]):
                fail(
                    path,
                    f"row {number} of table '{part['title']}' has {len(row)} cells, of {len(part['columns'])} columns")


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except FileNotFoundError:
        fail(path, "is missing; tools/benchmarks --run makes it")
    except ValueError as error:
        fail(path, f"is not JSON ({error})")
    check(record, path)
    return record


def rows(path):
    """The rows of a record's only table, each a dictionary by column."""
    only = read(path)["tables"]
    if len(only) != 1:
        fail(path, f"has {len(only)} tables, not one")
    return [dict(zip(only[0]["columns"], row)) for row in only[0]["rows"]]


# ---- on the page ----


def date_text(date):
    """29 November 2026."""
    if date == UNKNOWN:
        return f"date {UNKNOWN}"
    day = datetime.date.fromisoformat(date)
    return f"{day.day} {day:%B} {day.year}"


def caption(record, name):
    """One sentence: where the record is, what was run, on what, when."""
    cores = record["cores"] if record["cores"] ==UNKNOWN else f"{record['cores']} core" +"s" * (
        record["cores"] !="1")
    processor = f"processor {UNKNOWN}" if record["processor"] == UNKNOWN else record["processor"]
    instructions = f"instruction set {UNKNOWN}" if record["instruction_set"] == UNKNOWN else record["instruction_set"]
    known = [
        processor, instructions, cores, record.get("load", ""),
        date_text(record["date"]),
        f"commit {record['commit']}"]
    said = "; ".join(part for part in known if part)
    return f"Record [{name}](benchmarks/{name}.json): `{record['command']}`; {said}."


def markdown(part):
    head = [f"**{part['title']}**", ""] if part["title"] else []
    lines = [part["columns"], ["---"] * len(part["columns"]), *part["rows"]]
    texts = ["".join(f"| {cell} " if cell else "| " for cell in row) + "|" for row in lines]
    texts[1] = "|" + "---|" * len(part["columns"])
    return "\n".join([*head, *texts])
