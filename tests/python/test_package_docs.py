"""The blocks of Python in the pages about the package run as they stand."""
import os
import re

import pytest

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")


@pytest.mark.parametrize("page", ["python.md", "howto/from-pot.md"])
def test_blocks_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with open(os.path.join(DOCS, page), encoding="utf-8") as file:
        blocks = re.findall(r"^```python\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
    assert blocks
    names = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, page, "exec"), names)  # pylint: disable=exec-used
    if page == "python.md":
        assert "y: row 0 has a number that is not finite" in capsys.readouterr().out
