"""Keys that the pages cite, as [Merigot2011] or in a column of references, are entries of docs/references.bib; and no
entry of it is left without a page."""
import glob
import os
import re

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# A name and a year; not the text of a link, which "(" follows
KEY = re.compile(r"\b([A-Z][a-z]+(?:18|19|20)\d\d)\b")
ENTRY = re.compile(r"^@(\w+)\{(\w+),", re.MULTILINE)
REQUIRED = {"article": {"author", "title", "journal", "year", "volume", "pages"},
            "book": {"author", "title", "publisher", "year"},
            "inproceedings": {"author", "title", "booktitle", "year"}}  # fmt: skip


def read(*path):
    with open(os.path.join(REPOSITORY, *path), encoding="utf-8") as file:
        return file.read()


def entries():
    """Key, kind and names of the fields of every entry."""
    text = read("docs", "references.bib")
    begins = list(ENTRY.finditer(text))
    for entry, after in zip(begins, [match.start() for match in begins[1:]] + [len(text)]):
        body = text[entry.end() : after]
        yield entry.group(2), entry.group(1), set(re.findall(r"(?:^|,)\s*(\w+) = \{", body, re.MULTILINE))


def cited():
    """Page and key of every citation."""
    pages = glob.glob(os.path.join(REPOSITORY, "docs", "**", "*.md"), recursive=True)
    return {(os.path.relpath(page, REPOSITORY), key) for page in pages for key in KEY.findall(read(page))}


def test_every_key_is_an_entry():
    known = {key for key, _, _ in entries()}
    assert not {(page, key) for page, key in cited() if key not in known}


def test_every_entry_is_cited():
    keys = {key for _, key in cited()}
    assert not [key for key, _, _ in entries() if key not in keys]


def test_entries_are_whole_and_named_once():
    names = [key for key, _, _ in entries()]
    assert len(names) == len(set(names))
    for key, kind, fields in entries():
        assert kind in REQUIRED, f"{key}: {kind}"
        assert REQUIRED[kind] <= fields, f"{key} has no {REQUIRED[kind] - fields}"
