"""Files, and functions "of" a file, that the pages on theory and design name are there."""
import glob
import os
import re

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILE = r"`((?:src|include|tests|docs|tools)/[\w/.*-]+\.(?:c|h|py|md|txt))`"
FUNCTION = re.compile(r"`(\w+)\(\)`\s+of\s+" + FILE)


def pages():
    """Name and text of each page."""
    design = glob.glob(os.path.join(REPOSITORY, "docs", "design", "*.md"))
    for path in [os.path.join(REPOSITORY, "docs", "theory.md"), *design]:
        if os.path.basename(path) == "add-a-source.md":  # its file is yet to be written
            continue
        with open(path, encoding="utf-8") as page:
            yield os.path.basename(path), page.read()


def is_there(name):
    """A file, a pattern such as src/data/source_*.c, or one whose NAME is to be chosen."""
    return "NAME" in name or bool(glob.glob(os.path.join(REPOSITORY, name)))


def test_files_are_there():
    assert not [(page, name) for page, text in pages() for name in re.findall(FILE, text) if not is_there(name)]


def test_functions_are_in_them():
    missing = []
    for page, text in pages():
        for function, name in FUNCTION.findall(text):
            with open(os.path.join(REPOSITORY, name), encoding="utf-8") as file:
                if not re.search(rf"\b{function}\(", file.read()):
                    missing.append((page, function, name))
    assert not missing
