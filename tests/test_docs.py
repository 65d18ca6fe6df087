# SPDX-License-Identifier: MIT
"""Every relative link in README, the pages beside it, docs/ and models/ leads to a file that is there, and to a heading
in it."""
import os
import re

import pytest

from places import SOURCE

PAGES = sorted(str(page.relative_to(SOURCE)) for folder in (SOURCE, SOURCE / "docs", SOURCE / "models")
               for page in folder.glob("*.md"))
CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\"")


def prose(page):
    """The page without code blocks and inline code, which contain no links or headings."""
    return re.sub(r"`[^`\n]*`", "", CODE_BLOCK.sub("", (SOURCE / page).read_text()))


def anchors(page):
    """The anchors that GitHub makes from a page's headings; repeated headings get the suffix -1, -2, ..."""
    made = []
    text = CODE_BLOCK.sub("", (SOURCE / page).read_text())
    for heading in re.findall(r"^#+ +(.+?) *#*$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        repeats = sum(re.fullmatch(re.escape(anchor) + r"(-\d+)?", other) is not None for other in made)
        made.append(f"{anchor}-{repeats}" if anchor in made else anchor)
    return {*made, *re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text)}


def broken_links(page):
    found = 0
    for link in (match[1] or match[2] for match in LINK.finditer(prose(page))):
        if re.match(r"[a-z]+:", link):  # another site, or mail
            continue
        found += 1
        path, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not (SOURCE / target).exists():
            yield f"{page}: {link}: there is no {target}"
        elif anchor and target.endswith(".md") and anchor not in anchors(target):
            yield f"{page}: {link}: {target} has no such heading; it has {', '.join(sorted(anchors(target)))}"
    if page == "README.md":
        assert found > 5, "the pattern finds no links"


@pytest.mark.parametrize("page", PAGES)
def test_links_and_anchors(page):
    assert not list(broken_links(page))


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in (match[1] for match in LINK.finditer(prose(page)) if match[1]):
            if not re.match(r"[a-z]+:", link) and (path := link.partition("#")[0]).endswith(".md"):
                waiting.append(os.path.normpath(os.path.join(os.path.dirname(page), path)))
    assert {page for page in PAGES if page.startswith("docs/")} <= reached
