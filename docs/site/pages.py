# SPDX-License-Identifier: MIT
"""Lays the site's pages out in a folder, each under its path in the repository, so that links between them hold in both
places: the repository's Markdown as it stands, notebooks as Markdown with their pictures, the site's own pages
(pages/), and in those the public headers' declarations.

usage: python docs/site/pages.py FOLDER
  FOLDER   in build/; what is in it is removed first
"""
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ("*.md", "LICENSE", "docs/*.md", "docs/*.svg", "examples/notebooks/*.ipynb", "models/*.md")


def main(folder):
    if ROOT / "build" not in folder.resolve().parents:
        sys.exit(f"pages.py: {folder}: expected a folder in {ROOT / 'build'}, because what is in it is removed")
    shutil.rmtree(folder, ignore_errors=True)
    own = ROOT / "docs" / "site" / "pages"
    sources = [(path, ROOT) for pattern in PAGES for path in ROOT.glob(pattern)]
    sources += [(path, own) for path in own.rglob("*") if path.is_file()]
    for path, root in sources:
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            target.write_text(page(path.read_text()))
        elif path.suffix == ".ipynb":
            text, pictures = notebook(path)
            target.with_suffix(".md").write_text(page(text))
            for name, content in pictures.items():
                (target.parent / name).write_bytes(content)
        else:
            shutil.copyfile(path, target)


def page(markdown):
    """A page with its headers written out, and links to notebooks leading to their pages."""
    markdown = re.sub(r"^<!-- headers: (.*) -->$", lambda found: "\n".join(map(header, headers(found[1]))), markdown,
                      flags=re.MULTILINE)
    return re.sub(r"(\]\([^)\s]*)\.ipynb\b", r"\1.md", markdown)


def notebook(path):
    """A notebook as Markdown, and the pictures in it by their names."""
    from nbconvert import MarkdownExporter
    text, resources = MarkdownExporter().from_filename(path)
    pictures = {f"{path.stem}-{name}": content for name, content in resources["outputs"].items()}
    for name in resources["outputs"]:
        text = text.replace(f"]({name})", f"]({path.stem}-{name})")
    return text, pictures


def headers(listed):
    """The public headers of a list in cmake/install.cmake, without C's, which has its own page; or one by its name."""
    if listed.endswith(".h"):
        return [listed]
    text = (ROOT / "cmake" / "install.cmake").read_text()
    every = re.search(rf"set\({listed} (.*?)\)", text, re.DOTALL)[1].split()
    return [header for header in every if header != "engine/c_api.h"]


def header(name):
    """A header as Markdown: its declarations under their names, what is said above each as text."""
    text = (ROOT / "spikemix" / name).read_text()
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(#.*|}?\s*(// )?namespace spikemix.*)$", "", text, flags=re.MULTILINE)
    written, last = [f"## {name} {{ data-toc-label='{name}' }}\n\n`#include \"spikemix/{name}\"`\n"], None
    for comment, code in declarations(text):
        section = re.match(r"-+ (\w+) -+", comment)
        names = [] if section else declared(code)
        if section:
            written.append(f"## {section[1].capitalize()}\n")
            continue
        if not names and code:  # declared forward
            continue
        if names and names != last:
            written.append(f"### {', '.join(names)}\n")
        written += [prose(comment)] if comment else []
        written += [f"```{'c' if name.endswith('c_api.h') else 'cpp'}\n{code}\n```\n"] if code else []
        last = names
    return "\n".join(written)


def declarations(text):
    """(comment above, code) of each thing that is declared outside of braces; no code where a comment stands alone."""
    comment, code, depth, in_comment = [], [], 0, False

    def pair():
        return "\n".join(comment).strip(), "\n".join(code).rstrip()

    for line in text.splitlines():
        outside = depth == 0 and not in_comment
        begins = outside and re.match(r"/\*|///?", line)
        if outside and (not line.strip() or (begins and code)):
            if comment or code:
                yield pair()
            comment, code = [], []
        if begins or in_comment:
            in_comment = not begins[0].startswith("//") if begins else True
            if "*/" in line:
                in_comment = False
            comment.append(re.sub(r"^(/\*|///?|\s*\*(?!/))? ?|\s*\*/$", "", line))
        elif line.strip():
            code.append(line)
            plain = re.sub(r"//.*|/\*.*?\*/|\"[^\"]*\"", "", line)
            depth += plain.count("{") - plain.count("}")
        elif not outside:
            code.append(line)
    if comment or code:
        yield pair()


def declared(code):
    """The names that a declaration declares; none if only forward."""
    names = []
    for statement in re.split(r";\s*\n|\n}", re.sub(r"//.*|/\*.*?\*/", "", code)):
        kind = re.match(r"\s*(?:typedef )?(?:struct|class|enum(?: class)?) (\w+)( *[{:]| \w+;?$)", statement)
        function = re.search(r"(operator\S+?|\w+)\(", statement.partition("{")[0])
        using = re.match(r"\s*using (\w+) =", statement)
        if kind and "{" in statement and not names:  # what follows are its members
            return [kind[1]]
        if found := kind or using or function:
            names.append(found[1])
        elif re.match(r"\s*enum \{", statement):
            names += re.findall(r"^  (\w+) =", statement, re.MULTILINE)[:1]
        elif constant := re.match(r"\s*inline constexpr .*", statement):
            names += re.findall(r"(\w+) =", constant[0])
    return list(dict.fromkeys(names))


def prose(comment):
    """A comment as Markdown: what it indents is code, and no < of it begins a tag."""
    comment = re.sub(r"^ {2,}(?=\S)", "    ", comment, flags=re.MULTILINE)
    comment = re.sub(r"\s*@(param|throws|returns?)\s+(\w+)", r"\n\n*\1* `\2`", comment)
    parts = comment.split("`")  # code in every second one
    return "`".join(part if i % 2 else part.replace("<", "&lt;") for i, part in enumerate(parts)) + "\n"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
