"""The check of words finds those that are retired, where they stand for themselves, in the texts that it looks at."""
import c_text
import pytest
import words
from test_style import repository

LIST = """# comment

how-manieth	number
trust(ed)? lists?	skipped checks
in parts of(?! up to)	as a fraction of
"""


def found_in(tmp_path, path, text):
    found, _ = words.check(repository(tmp_path, {words.LIST: LIST, "src/b.c": "int b;\n", path: text}))
    return found


@pytest.mark.parametrize("text, line, said", [
    ("The how-manieth.\n", 1, "how-manieth"),
    ("\nHow-Manieth\n", 2, "How-Manieth"),
    ("trust lists", 1, "trust lists"),
    ("\nTrusted\nlist.", 2, "Trusted list"),
    ("/* trusted\n   lists */", 1, "trusted lists"),
    ("  // Trusted\n  // lists", 1, "Trusted // lists"),
    ("# trusted\n# list", 1, "trusted # list"),
    ("in parts of that", 1, "in parts of"),
    ('"it is the how-manieth"', 1, "how-manieth"),
    ('"how-manieth one"', 1, "how-manieth"),
])  # fmt: skip
def test_a_retired_word(tmp_path, text, line, said):
    found = found_in(tmp_path, "src/a.c", text)
    assert len(found) == 1 and found[0].startswith(f"src/a.c:{line}: '{said}': write "), found


@pytest.mark.parametrize("path, text", [
    ("src/a.c", "entrusted lists; trusted_lists; a trusted\n\nlist; in parts of up to 64\n"),
    ("src/a.c", 'Set("how-manieth"); Log("i how-manieth", 1); Get("/how-manieth"); /* `how-manieth` */\n'),
    ("docs/devlog/2026-11.md", "how-manieth\n"),
    ("CHANGELOG.md", "how-manieth\n"),
    ("tests/a.py", "how-manieth\n"),
    ("docs/a.png", "how-manieth\n"),
])  # fmt: skip
def test_what_is_left_alone(tmp_path, path, text):
    assert found_in(tmp_path, path, text) == []


@pytest.mark.parametrize("path", ["README.md", "INSTALL", "CONTRIBUTING.md", "docs/design/a.md", "include/brenier/a.h",
                                  "jobs/a.sh", "analysis/aeot/a.py"])  # fmt: skip
def test_where_it_looks(tmp_path, path):
    assert found_in(tmp_path, path, "x\nhow-manieth\n") == [f"{path}:2: 'how-manieth': write number"]


@pytest.mark.parametrize("line", ["word", "word\t", "word remedy", "wo(rd\tremedy"])
def test_a_list_that_cannot_be_read(line):
    with pytest.raises(ValueError, match="retired_words.txt:2: "):
        words.retired(f"# comment\n{line}\n")


def test_the_list_of_this_repository():
    assert len(words.retired(c_text.read(c_text.REPOSITORY, words.LIST))) > 10
