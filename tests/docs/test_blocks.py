"""Every command and every program of README.md, the tutorials and the how-tos runs, on small data."""
import glob
import gzip
import os
import shutil
import struct

import blocks
import h5py
import numpy as np
import pytest
import torch
from problem import mixture
from program import REPOSITORY, brenier

PAGES = sorted(
    os.path.relpath(page, REPOSITORY)
    for pattern in ("README.md", "docs/tutorial/*.md", "docs/howto/*.md")
    for page in glob.glob(os.path.join(REPOSITORY, pattern))
)
IMAGES, SIDE = 600, 28

# What programs of a page leave to their readers
PRELUDES = {
    "docs/howto/from-flow-matching.md": "import torch\n"
    "velocity = torch.nn.Linear(3, 2)\noptimiser = torch.optim.SGD(velocity.parameters(), 0.01)\n",
    "docs/howto/from-pyomt.md": "import torch\ndecoder = torch.nn.Identity()\n",
    "docs/howto/frechet-distance.md": "import numpy as np\na = np.load('features_made.npy')\n",
}


# Pages that begin where another one has led
STARTS = {"docs/tutorial/plane.md": "out/tutorial"}
FASHION = "/usr/share/datasets/fashion-mnist"


def write_idx(path, array):
    with gzip.open(path, "wb") as file:
        file.write(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder with the files that pages begin with, under the names that they use."""
    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(1)
    images = np.clip(rng.normal(0, 20, (IMAGES, SIDE, SIDE)) + 200 * rng.random((IMAGES, 1, SIDE)), 0, 255).astype("u1")
    labels = rng.integers(0, 10, IMAGES).astype("u1")
    write_idx(folder / "train-images-idx3-ubyte.gz", images)
    write_idx(folder / "train-labels-idx1-ubyte.gz", labels)
    with h5py.File(folder / "images.h5", "w") as file:
        file["images"], file["labels"] = images, labels
    rows = mixture(IMAGES // 4, 6, seed=2)
    for name in ("y.npy", "codes.npy", "features_real.npy", "features_made.npy", "x.npy", "phi.npy"):
        np.save(folder / name, rows + 0.1 * len(name))
    np.save(folder / "weights.npy", np.ones(len(rows)))
    np.save(folder / "labels.npy", np.arange(len(rows)) % 10)
    np.save(folder / "noise.npy", rng.standard_normal((50, rows.shape[1])))
    np.save(folder / "p.npy", rows[:50])
    (folder / "results").mkdir()
    torch.save(torch.from_numpy(rows), folder / "results" / "features.pt")
    brenier("encode", "images.h5:/images", "-dim", 8, "-o", "codes.h5", cwd=folder)
    brenier("solve", "codes.h5:/codes", "-tol", 0.6, "-o", "result.h5", "-log", "solve.jsonl", cwd=folder)
    brenier("sample", "result.h5", "-n", 200, "-o", "samples.h5", cwd=folder)
    for name in ("images.h5", "samples.h5"):
        with h5py.File(folder / name, "r+") as file:
            file["features"] = rows
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_page(inputs, tmp_path, page):
    with open(os.path.join(REPOSITORY, page), encoding="utf-8") as file:
        found = [block for block in blocks.blocks(page, file.read()) if block.kind]
    folder = shutil.copytree(inputs, tmp_path / "page")
    here = blocks.Page(folder, PRELUDES.get(page), {FASHION: str(folder)}, STARTS.get(page, "."))
    for block, after in zip(found, [*found[1:], None]):
        if block.kind == "python" and after and after.kind == "python":
            here.add(block)  # a program has all blocks before it, so the last one of several in a row runs them all
            continue
        done = here.run(block)
        assert done.returncode == 0, f"{block}: exit code {done.returncode}\n{done.args}\n{done.stdout}\n{done.stderr}"


# ---- the machine itself

TEXT = """# Page

```sh
one
```

<!-- not run: takes an hour -->

```python
two
```
```python
three
```
```
brenier four
```
```
five: 4
```
- item
  ```bash
  six \\
    seven
  ```
<!-- not run: and words in between -->
words
```text
brenier eight
```
```
# comment
F=/there
```
"""


def test_blocks_of_a_page():
    found = blocks.blocks("p.md", TEXT)
    assert [(block.line, block.kind) for block in found] == [
        (4, "sh"), (10, ""), (13, "python"), (16, "sh"), (19, ""), (23, "sh"), (29, ""), (32, "sh")]  # fmt: skip
    assert found[1].why == "takes an hour" and found[5].code == "six \\\n  seven\n"
    with pytest.raises(ValueError, match="p.md:2: "):
        blocks.blocks("p.md", "\n```sh\none\n")


@pytest.mark.parametrize("code, run", [
    ("./quickstart   # all\nbrenier info a\n", "brenier info a"),
    ("cmake --preset release && \\\n  ./check\n", ""),
    ("A=b  B=c analysis/aeot/run --out d\n../../analysis/aeot/run\n", ""),
    ("brenier solve y.npy -tol 0.05 -curves 1e6 -n 9\n", "brenier solve y.npy -tol 0.6 -curves 2000 -n 9"),
    ("brenier solve y.npy -tol 0.9 \\\n  -curves 60 -dim 64\n", "brenier solve y.npy -tol 0.9  -curves 60 -dim 8"),
    ("mpiexec -n 2 brenier sample r.h5 -n 1e6 -o s.h5\n", "mpiexec -n 2 brenier sample r.h5 -n 300 -o s.h5"),
    ("F=/data\n", "F=/here"),
])  # fmt: skip
def test_what_is_run(code, run):
    assert blocks.shell(code, {"/data": "/here"}).strip() == run


def test_a_page_keeps_its_folder_and_its_variables(tmp_path):
    page = blocks.Page(tmp_path, "start = 1\n")
    text = ("```sh\nmkdir 'a b' && cd 'a b'\nexport WORD=\"it's\"\n```\n```sh\necho \"$WORD\" >said\n```\n"
            "```python\nmore = start + 1\n```\n```python\nprint(more, open('said').read())\n```\n"
            "```sh\nfalse\ntrue\n```\n")
    done = [page.run(block) for block in blocks.blocks("p.md", text)]
    assert [one.returncode for one in done] == [0, 0, 0, 0, 1], done
    assert done[3].stdout == "2 it's\n\n"
