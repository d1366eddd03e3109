"""The check of links follows those that lead somewhere and finds those that do not."""
import links
import pytest
from test_style import repository

PAGE = """# A page

## Memory: what `-memory` takes (MiB)
## Twice
## Twice
## A [link](other.md) in it
<a id="mark"></a>

```
# not a heading
[no link](gone.md)
```
"""

GOOD = """See [page](docs/page.md), [its part](docs/page.md#memory-what--memory-takes-mib),
[again](docs/page.md#twice-1), [mark](docs/page.md#mark), [link](docs/page.md#a-link-in-it), [folder](docs/),
[elsewhere](https://example.org/gone.md), [mail](mailto:a@b.c), [here](#here), ![picture](docs/a%20picture.png "title"),
[![picture](docs/a%20picture.png)](docs/), [by reference][one] and `[code](gone.md)`.

[one]: docs/page.md

# Here
"""
FILES = {"docs/page.md": PAGE, "docs/a picture.png": "",
         "docs/other.md": "[beside](page.md#twice), [up](../docs/other.md)\n",
         "build/gone.md": "[gone](gone)\n", "out/table.md": "[gone](gone)\n"}  # fmt: skip


def test_links_that_lead_somewhere(tmp_path):
    found, count = links.check(repository(tmp_path, {**FILES, "README.md": GOOD}))
    assert found == [] and count >= 15


@pytest.mark.parametrize("text, words", [
    ("[a](docs/gone.md)", "README.md:3: docs/gone.md does not exist"),
    ("[a](<docs/gone.md>)", "README.md:3: docs/gone.md does not exist"),
    ("[a\nb](docs/gone.md)", "README.md:3: docs/gone.md does not exist"),
    ("![a](docs/gone.png)", "README.md:3: docs/gone.png does not exist"),
    ("[![a](docs/gone.png)](docs)", "README.md:3: docs/gone.png does not exist"),
    ("[![a](docs/a%20picture.png)](gone)", "README.md:3: gone does not exist"),
    ("<img src=\"docs/gone.png\">", "README.md:3: docs/gone.png does not exist"),
    ("[a]: docs/gone.md", "README.md:3: docs/gone.md does not exist"),
    ("[a](../README.md)", "README.md:3: ../README.md does not exist"),
    ("[a](#nowhere)", "README.md:3: README.md has no heading #nowhere"),
    ("[a](docs/page.md#twice-2)", "README.md:3: docs/page.md has no heading #twice-2"),
    ("[a](docs/page.md#not-a-heading)", "README.md:3: docs/page.md has no heading #not-a-heading"),
    ("[a](docs/page.md#Twice)", "README.md:3: docs/page.md has no heading #Twice"),
])  # fmt: skip
def test_a_link_that_leads_nowhere(tmp_path, text, words):
    found, _ = links.check(repository(tmp_path, {**FILES, "README.md": f"# Page\n\n{text}\n"}))
    assert found == [words]


@pytest.mark.parametrize("path, text, words", [
    ("src/a.c", "/* See docs/page.md. */\n// docs/gone.md says so\n", "src/a.c:2: docs/gone.md does not exist"),
    ("src/a.c", "// docs/page.md#gone\n", "src/a.c:1: docs/page.md has no heading #gone"),
    ("analysis/a.py", '"""By docs/gone/."""\n', "analysis/a.py:1: docs/gone/ does not exist"),
    ("jobs/README.md", "\n`docs/gone.md`\n", "jobs/README.md:2: docs/gone.md does not exist"),
    ("man/brenier.1", "docs/gone.md", "man/brenier.1:1: docs/gone.md does not exist"),
    ("quickstart", "# docs/gone.md\n", "quickstart:1: docs/gone.md does not exist"),
    ("CHANGELOG.md", "docs/gone.md\n", ""),
    ("docs/devlog/2026-11.md", "docs/gone.md\n", ""),
    ("src/a.c", "// https://example.org/docs/gone.md, share/docs/gone.md and docs/page.md#twice, docs/page.md.\n", ""),
])  # fmt: skip
def test_pages_that_are_named(tmp_path, path, text, words):
    found, _ = links.check(repository(tmp_path, {**FILES, path: text}))
    assert found == ([words] if words else [])
