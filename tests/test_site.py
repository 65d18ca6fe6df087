# SPDX-License-Identifier: MIT
"""script/site builds the docs without a warning, every public name is in them, and they fetch nothing."""
import ast
import html.parser
import re
import subprocess

import pytest

from places import SOURCE

SITE = SOURCE / "build" / "site"


@pytest.fixture(scope="module", autouse=True)
def built():
    tools, wanted = SOURCE / "build" / "site-tools" / "requirements", SOURCE / "docs" / "site" / "requirements.txt"
    if not tools.is_file() or tools.read_text() != wanted.read_text():
        pytest.skip("the tools of the docs site are not installed: script/site --no-build")
    result = subprocess.run([SOURCE / "script" / "site"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


class Page(html.parser.HTMLParser):
    """What a page has: the ids in it, its links, and what a browser fetches for it."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.fetched = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids.add(values.get("id"))
        if tag == "a":
            self.links.append(values.get("href") or "")
        elif tag in ("script", "img", "iframe", "source"):
            self.fetched.append(values.get("src") or "")
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload", "modulepreload", "preconnect"):
            self.fetched.append(values["href"])


@pytest.fixture(scope="module")
def pages(built):
    return {file.relative_to(SITE).as_posix(): Page(file.read_text()) for file in SITE.rglob("*.html")}


def test_every_page_of_the_repository_is_there(pages):
    sources = [*SOURCE.glob("*.md"), *SOURCE.glob("docs/*.md"), *SOURCE.glob("examples/notebooks/*.ipynb")]
    expected = {path.relative_to(SOURCE).with_suffix(".html").as_posix() for path in sources}
    assert len(expected) >= 20 and (expected - {"README.html"}) | {"index.html"} <= pages.keys()


def test_links_lead_somewhere(pages):
    """mkdocs checks those that Markdown has; these are also of the reference and of the navigation."""
    broken = []
    for name, page in pages.items():
        for link in page.links:
            if not link or re.match(r"[a-z]+:", link) or name == "404.html":
                continue
            path, _, anchor = link.partition("#")
            target = ((SITE / name).parent / path).resolve() if path else SITE / name
            target = target / "index.html" if target.is_dir() else target
            key = target.relative_to(SITE.resolve()).as_posix() if path else name
            if not target.is_file() or (anchor and key in pages and anchor not in pages[key].ids | {"__skip"}):
                broken.append(f"{name}: {link}")
    assert not broken


def test_nothing_is_fetched_from_elsewhere(pages):
    assert not [(name, url) for name, page in pages.items() for url in page.fetched if "//" in url]
    assert len(pages["index.html"].fetched) > 4, "the parser sees no scripts and styles"
    styles = "".join(file.read_text() for file in SITE.rglob("*.css"))
    assert len(styles) > 10_000 and not re.search(r"url\(['\"]?(https?:)?//|@import", styles)


def test_pictures_of_notebooks_are_there(pages):
    shown = [(name, url) for name, page in pages.items() if "/notebooks/" in name for url in page.fetched
             if url.endswith(".png")]
    assert len(shown) >= 5 and all(((SITE / name).parent / url).is_file() for name, url in shown)


def public_names(module):
    """What a module of the Python package exports, by its source alone."""
    for statement in ast.parse((SOURCE / "python" / "spikemix" / module).read_text()).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "__all__":
            return ast.literal_eval(statement.value)
    raise AssertionError(f"{module} has no __all__")


@pytest.mark.parametrize("page, module", [("models", "engine.py"), ("events", "events.py"), ("data", "data.py"),
                                          ("nn", "nn/__init__.py"), ("training", "training.py"), ("plot", "plot.py")])
def test_the_reference_has_every_public_name_of_python(pages, page, module):
    ids = {str(each).rpartition(".")[2] for each in pages[f"api/python/{page}.html"].ids}
    assert set(public_names(module)) <= ids


def test_the_reference_has_every_public_header(pages):
    text = (SOURCE / "cmake" / "install.cmake").read_text()
    for listed, page in (("engine_headers", "cpp"), ("train_headers", "cpp-train")):
        headers = set(re.search(rf"set\({listed} (.*?)\)", text, re.DOTALL)[1].split()) - {"engine/c_api.h"}
        assert len(headers) > 5 and {re.sub(r"[/.]", "", header) for header in headers} <= pages[f"api/{page}.html"].ids
    assert {"session", "network", "load_network", "mixerspec"} <= pages["api/cpp.html"].ids


def test_the_reference_has_every_function_of_the_c_api(pages):
    header = (SOURCE / "spikemix" / "engine" / "c_api.h").read_text()
    functions = set(re.findall(r"\b(spikemix_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)))
    headings = set(" ".join(filter(None, pages["api/c.html"].ids)).replace("-", " ").split())
    assert len(functions) > 20 and functions <= headings


def test_search_finds_prose_and_names():
    index = (SITE / "search" / "search_index.json").read_text()
    assert all(word in index for word in ("leaky integrate-and-fire", "spikemix_infer", "step_events", "load_network"))
