"""docs/design/constants.md is held to the sources, and a difference is found."""
import constants_page as constants


def repository(tmp_path, source, page):
    for path, text in (("src/solve/a.c", source), ("docs/design/constants.md", page)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return str(tmp_path)


def found(tmp_path, source, page):
    sources = constants.of_sources(repository(tmp_path, source, page))
    return list(constants.differences(sources, constants.of_page(page.splitlines())))


def test_the_page_is_right():
    sources = constants.of_sources(constants.ROOT)
    with open(f"{constants.ROOT}/{constants.PAGE}", encoding="utf-8") as file:
        page = constants.of_page(file.read().splitlines())
    assert len(sources) > 100
    assert list(constants.differences(sources, page)) == []


def test_values_and_names_are_compared(tmp_path):
    source = (
        "static const double brenier_a = 2.0 * 3, /* why, and how */\n    brenier_b = (int)1 << 2;\n"
        "enum { BRENIER_C = 7 };\n"
    )
    rows = "| `brenier_a` | `2.0 * 3` | x |\n| `brenier_b` | `(int)1 << 2` | x |\n| `BRENIER_C` | `7` | x |\n"
    assert found(tmp_path, source, rows) == []
    assert len(found(tmp_path, source.replace("7", "8"), rows)) == 2  # the new one is not there, the old one is gone
    assert len(found(tmp_path, source + "static const int brenier_d = 1;\n", rows)) == 1
    assert len(found(tmp_path, source, rows.replace("(int)1 << 2` | x", "(int)1 << 2` | ?"))) == 1


def test_new_values_keep_what_is_said(tmp_path):
    page = "| `brenier_a` | `1` | a step |\n| `brenier_gone` | `2` | x |"
    root = repository(tmp_path, "static const int brenier_a = 3;\nstatic const int brenier_new = 4;\n", page)
    lines = constants.updated(page.splitlines(), constants.of_sources(root))
    assert lines == ["| `brenier_a` | `3` | a step |", "| `brenier_new` | `4` | ? |"]
