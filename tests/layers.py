#!/usr/bin/python3
"""Holds every C file to the layers of Brenier: it includes headers of its own or of a lower layer only.

usage: tests/layers.py [REPOSITORY]     prints one line for each violation; exit code 1 when there is one

The rules, for include/brenier/ and src/ (tests/ may include anything):
 1. A public header include/brenier/NAME.h belongs to the module that MODULE_OF_HEADER says. A header that is not in
    that table, a folder of src/ that is not in LAYER, an include that leads nowhere: each is a violation, so nothing
    escapes the rules by being new. Nor does an entry of a table stay when its header or folder is gone.
 2. A file includes headers of its own layer or a lower one. Two modules of one layer do not include each other.
 3. src/kernel/ reaches, through whatever headers, neither MPI nor PETSc nor HDF5.
 4. The private headers of a module (src/MODULE/*.h) are for its own and higher layers, but src/solve/ and src/app/ see
    only the public face of the others; src/solve/ sees src/methods/, which it chooses among, as a whole.
 5. Below src/app/ nothing prints but src/base/print.c, for the context of a communicator, and memory.c, which ends the
    program where memory is out; nothing names the communicator of the world, since whoever calls has one, but
    src/library/context.c, which starts PETSc.
"""
import os
import re
import sys

LAYER = {"base": 0, "kernel": 0, "data": 1, "device": 1, "linear": 2, "low": 2, "dual": 2, "map": 3, "methods": 4,
         "solve": 5, "run": 6,
         "library": 7, "app": 7}  # fmt: skip

MODULE_OF_HEADER = {
    "base.h": "base", "compat.h": "base", "context.h": "base", "error.h": "base", "index.h": "base", "log.h": "base",
    "print.h": "base", "random.h": "base", "stop.h": "base",
    "sum.h": "base", "threads.h": "base", "version.h": "base",
    "dot.h": "kernel", "envelope.h": "kernel", "tile.h": "kernel",
    "array.h": "data", "classes.h": "data", "coordinates.h": "data", "heights.h": "data", "reduction.h": "data",
    "scales.h": "data", "source.h": "data", "store.h": "data", "targets.h": "data",
    "device.h": "device",
    "laguerre.h": "low", "frechet.h": "linear", "linear.h": "linear",
    "dual.h": "dual", "quadratic.h": "dual",
    "barycentre.h": "map", "class_result.h": "map", "cluster.h": "map", "density.h": "map",
    "extension.h": "map", "facets.h": "map", "held_out.h": "map", "piecewise.h": "map", "polar.h": "map",
    "result.h": "map", "transport.h": "map",
    "descent.h": "methods", "iteration.h": "methods", "method.h": "methods", "minimise.h": "methods",
    "newton.h": "methods",
    "checkpoint.h": "solve", "solve.h": "solve", "run.h": "run", "lloyd.h": "run", "brenier.h": "library",
}  # fmt: skip

GENERATED = {"version.h": "version.h.in"}
PUBLIC_FACE_ONLY = {"solve": ("methods",), "app": ()}  # but for the modules named
PRINTS = (os.path.join("src", "base", "print.c"), os.path.join("src", "base", "memory.c"))
WORLD = (os.path.join("src", "library", "context.c"),)  # gives PETSc a world of one process
LOUD = re.compile(r"\b(printf|fprintf|puts|fputs|putchar|PetscPrintf|PetscFPrintf|PETSC_STDOUT|PETSC_COMM_WORLD)\b")
NOT_IN_KERNEL = re.compile(r"^(mpi|petsc|hdf5|H5)")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def c_files(root):
    """Paths, relative to the repository, of the files the rules are about."""
    found = []
    for top in ("include/brenier", "src"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            found += [os.path.relpath(os.path.join(folder, n), root) for n in names if n.endswith((".c", ".h"))]
    return sorted(found)


def includes(root, path):
    """What a file includes: pairs of the name as written and "<" or a quote; comments do not count."""
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = COMMENT.sub("", file.read())
    return [(name, mark) for mark, name in INCLUDE.findall(text)]


def resolve(root, path, name):
    """The file of this repository that an include leads to, or None when it is none of ours."""
    candidates = [os.path.join(os.path.dirname(path), name), os.path.join("src", name), os.path.join("include", name)]
    for candidate in candidates:
        candidate = os.path.normpath(candidate)
        if os.path.isfile(os.path.join(root, candidate)):
            return candidate
    folder, base = os.path.split(os.path.normpath(os.path.join("include", name)))
    template = os.path.join(folder, GENERATED.get(base, base))
    if base in GENERATED and os.path.isfile(os.path.join(root, template)):
        return os.path.join(folder, base)
    return None


def module_of(path):
    """Module of a file, or None when the tables do not know it."""
    parts = path.split(os.sep)
    if parts[0] == "include":
        return MODULE_OF_HEADER.get(parts[-1])
    return parts[1] if len(parts) > 2 and parts[1] in LAYER else None


def is_private_header(path):
    return path.startswith("src" + os.sep)


def check_include(root, path, name, mark):
    """Violations of rules 1, 2 (order) and 4 by one include, and the module it leads to."""
    module = module_of(path)
    target = resolve(root, path, name)
    if target is None:
        ours = mark == '"' or name.startswith("brenier/")
        return ([f"{path}: include of {name} leads nowhere"] if ours else []), None
    other = module_of(target)
    if module is None or other is None:
        return [], None  # the missing entry in the table is reported once, by the file itself
    if LAYER[other] > LAYER[module]:
        what = f"{path} ({module}, layer {LAYER[module]}) includes {name} of the higher layer {other} ({LAYER[other]})"
        return [what], other
    if is_private_header(target) and other != module and other not in PUBLIC_FACE_ONLY.get(module, (other,)):
        return [f"{path}: {module} sees only the public headers of {other}, not {name}"], other
    return [], other


def check_tables(paths):
    """Rule 1: files that no table knows."""
    for path in paths:
        if module_of(path) is None and path.startswith("include"):
            yield f"{path}: unknown public header; add it to MODULE_OF_HEADER in tests/layers.py"
        elif module_of(path) is None:
            yield f"{path}: unknown module; add its folder to LAYER in tests/layers.py"


def check_stale(root):
    """Rule 1: entries of the tables for what is not there."""
    for name in sorted(MODULE_OF_HEADER):
        if not os.path.isfile(os.path.join(root, "include", "brenier", GENERATED.get(name, name))):
            yield f"include/brenier/{name}: not there; take it out of MODULE_OF_HEADER in tests/layers.py"
    for module in sorted(LAYER):
        if not os.path.isdir(os.path.join(root, "src", module)):
            yield f"src/{module}: not there; take it out of LAYER in tests/layers.py"


def check_pairs(edges):
    """Rule 2: two modules of one layer that include each other."""
    for module, other in sorted(edges):
        if module < other and LAYER[module] == LAYER[other] and (other, module) in edges:
            yield f"{module} and {other} include each other: {edges[module, other]} and {edges[other, module]}"


def check_kernel(root, paths):
    """Rule 3, following our own headers."""
    for path in (p for p in paths if module_of(p) == "kernel"):
        seen, open_paths = {path}, [path]
        while open_paths:
            current = open_paths.pop()
            for name, _ in includes(root, current):
                target = resolve(root, current, name)
                if NOT_IN_KERNEL.match(name):
                    yield f"{path}: the kernel reaches {name}" + (f" through {current}" if current != path else "")
                if target and target not in seen and os.path.isfile(os.path.join(root, target)):
                    seen.add(target)
                    open_paths.append(target)


def check_silence(root, paths):
    """Rule 5."""
    spared = PRINTS + WORLD
    for path in (p for p in paths if p.startswith("src") and module_of(p) not in (None, "app") and p not in spared):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            for word in sorted(set(LOUD.findall(COMMENT.sub("", file.read())))):
                rule = "below src/app the library is silent and takes the caller's communicator"
                yield f"{path}: {rule}, but here is {word}"


def check(root):
    """All violations in the repository at root, and the number of files looked at."""
    paths = c_files(root)
    violations = list(check_tables(paths))
    edges = {}
    for path in paths:
        for name, mark in includes(root, path):
            found, other = check_include(root, path, name, mark)
            violations += found
            if other is not None and other != module_of(path):
                edges[module_of(path), other] = path
    violations += check_pairs(edges)
    violations += check_kernel(root, paths)
    violations += check_silence(root, paths)
    return violations, len(paths)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    violations, count = check(root)
    violations += check_stale(root)
    for violation in violations:
        print(violation)
    if count == 0:
        print(f"{root}: no C files found")
    print(f"layers: {count} files, {len(violations)} violations")
    return 1 if violations or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
