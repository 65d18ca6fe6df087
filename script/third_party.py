# SPDX-License-Identifier: MIT
"""Writes the licences of what stands in a linked file, found from the build itself: the headers that its objects were
compiled from (ninja), the archives that were linked into it (the linker's map), and the shared libraries that it asks
for (readelf). The texts come from Debian's packages and pip's.

usage: third_party.py --build DIR --version V -o FILE [--ninja NINJA] [--root DIR] [--wheel] TARGET=FILE...
  TARGET=FILE   a target of the build and the file that it made; the map of its link is DIR/TARGET.map
  --root        where the libraries of another processor lie (cmake/arm64.cmake)
  --wheel       shared libraries come along (auditwheel), but for those that every Linux has
"""
import argparse
import collections
import functools
import gzip
import os
import pathlib
import re
import subprocess
import sys

# By Debian's name of the source package: the name, the licence of what is linked (SPDX), and where it comes from. A
# package that has several licences (for its tools, tests or build) is named with that of its library alone.
KNOWN = {
    "bzip2": ("bzip2", "bzip2-1.0.6", "https://sourceware.org/bzip2"),
    "cli11": ("CLI11", "BSD-3-Clause", "https://github.com/CLIUtils/CLI11"),
    "cpython": ("CPython", "PSF-2.0", "https://www.python.org"),
    "acl": ("libacl", "LGPL-2.1-or-later", "https://savannah.nongnu.org/projects/acl"),
    "flatbuffers": ("FlatBuffers", "Apache-2.0", "https://flatbuffers.dev"),
    "fmtlib": ("fmt", "MIT", "https://fmt.dev"),
    "gcc": ("GCC's run time", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org"),
    "giflib": ("giflib", "MIT", "https://giflib.sourceforge.net"),
    "glibc": ("glibc", "LGPL-2.1-or-later", "https://www.gnu.org/software/libc"),
    "highway": ("Highway", "Apache-2.0", "https://github.com/google/highway"),
    "icu": ("ICU", "ICU", "https://icu.unicode.org"),
    "jbigkit": ("JBIG-KIT", "GPL-2.0-or-later", "https://www.cl.cam.ac.uk/~mgk25/jbigkit"),
    "lerc": ("LERC", "Apache-2.0", "https://github.com/Esri/lerc"),
    "libarchive": ("libarchive", "BSD-2-Clause", "https://www.libarchive.org"),
    "libdeflate": ("libdeflate", "MIT", "https://github.com/ebiggers/libdeflate"),
    "libisal": ("ISA-L", "BSD-3-Clause", "https://github.com/intel/isa-l"),
    "libjpeg-turbo": ("libjpeg-turbo", "IJG AND BSD-3-Clause AND Zlib", "https://libjpeg-turbo.org"),
    "libpng": ("libpng", "libpng-2.0", "http://www.libpng.org"),
    "libstb": ("stb", "MIT OR Unlicense", "https://github.com/nothings/stb"),
    "libwebp": ("libwebp", "BSD-3-Clause", "https://developers.google.com/speed/webp"),
    "libxml2": ("libxml2", "MIT", "https://gitlab.gnome.org/GNOME/libxml2"),
    "libzstd": ("zstd", "BSD-3-Clause OR GPL-2.0-only", "https://facebook.github.io/zstd"),
    "lz4": ("LZ4", "BSD-2-Clause", "https://lz4.org"),
    "nanobind": ("nanobind", "BSD-3-Clause", "https://github.com/wjakob/nanobind"),
    "nettle": ("Nettle", "LGPL-3.0-or-later OR GPL-2.0-or-later", "https://www.lysator.liu.se/~nisse/nettle"),
    "nlohmann-json3": ("JSON for Modern C++", "MIT", "https://json.nlohmann.me"),
    "pugixml": ("pugixml", "MIT", "https://pugixml.org"),
    "tiff": ("libtiff", "libtiff", "https://libtiff.gitlab.io/libtiff"),
    "tomlplusplus": ("toml++", "MIT", "https://marzer.github.io/tomlplusplus"),
    "torch": ("PyTorch", "BSD-3-Clause", "https://pytorch.org"),  # in a build with the training half
    "xz-utils": ("liblzma", "LicenseRef-public-domain", "https://tukaani.org/xz"),
    "zlib": ("zlib", "Zlib", "https://zlib.net"),
}
# Whose headers are code that gets into the objects; others' only declare what their libraries hold.
CODE_IN_HEADERS = {"cli11", "flatbuffers", "fmtlib", "highway", "libstb", "nanobind", "nlohmann-json3", "tomlplusplus",
                   "torch"}
# Of the system and the compiler, on every machine, and under licences that ask nothing of what is linked with them.
SYSTEM = {"cpython", "gcc", "glibc", "linux"}
IN_EVERY_LINUX = re.compile(r"lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|z)\.so|ld-linux")  # as manylinux has it
HEADERS = "headers"
INSIDE, BESIDE, ASKED_FOR = "inside", "beside in the wheel", "asked for"

Package = collections.namedtuple("Package", "source version text")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@functools.cache
def debian_files():
    """{path: package} of everything that dpkg has installed."""
    owners = {}
    for names in pathlib.Path("/var/lib/dpkg/info").glob("*.list"):
        owners |= dict.fromkeys(names.read_text().split("\n"), names.stem)
    return owners


@functools.cache
def debian_package(name, root):
    """A Package, by dpkg's name of it; where `root` has it, of the version that lies there."""
    source, version = run("dpkg-query", "-W", "-f", "${source:Package} ${source:Version}\n", name).split()[:2]
    docs = [pathlib.Path(at, "usr/share/doc", name.split(":")[0]) for at in (root, "/") if at]
    changes = docs[0] / "changelog.Debian.gz"
    if root and changes.exists():
        version = re.search(r"\((.*?)\)", gzip.open(changes, "rt").readline())[1]
    text = next((folder / "copyright" for folder in docs if (folder / "copyright").exists()), None)
    source = re.sub(r"^(gcc)-\d+(-cross)?$|^(libpng)[\d.]+$", r"\1\3", source)
    return Package("glibc" if source == "cross-toolchain-base" else source, version, text)


def of_debian(path, root):
    """Whose file this is: a Package, or None if it is of no Debian package."""
    path = os.path.realpath(path)
    inside = root is not None and path.startswith(f"{root}/")
    if inside:  # this machine has the same packages, which build the program for it
        path = path[len(root):].replace("/aarch64-linux-gnu/", "/x86_64-linux-gnu/")
        path = path.replace("ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2")
    for candidate in (path, path.removeprefix("/usr"), f"/usr{path}"):
        if candidate in debian_files():
            return debian_package(debian_files()[candidate], root if inside else None)
    return None


def of_pip(path):
    """The same of a file in a Python's packages, or of that Python itself."""
    if match := re.match(r"(.*/site-packages)/(\w+)/", str(path)):
        for info in pathlib.Path(match[1]).glob(f"{match[2]}-*.dist-info"):
            # Its own lies above those of what it contains.
            text = min(info.rglob("LICENSE*"), key=lambda file: (len(file.parts), file.name), default=None)
            return Package(match[2], info.name.split("-")[1].removesuffix(".dist"), text)
    if match := re.search(r"/include/(?:[\w-]+/)?python(3[\d.]*)/", str(path)):
        return Package("cpython", match[1], None)
    return None


def compiled_from(ninja, build, target):
    """Paths of what the objects of `target` were compiled from."""
    objects = {name for name in run(ninja, "-C", build, "-t", "inputs", target).split() if name.endswith(".o")}
    assert objects, f"ninja names no objects of {target}"
    headers, wanted = set(), False
    for line in run(ninja, "-C", build, "-t", "deps").splitlines():
        if not line.startswith(" "):
            wanted = line.split(": ")[0] in objects
        elif wanted:
            headers.add(os.path.normpath(build / line.strip()))  # relative to the build with ccache
    return headers


def linked_in(build, target):
    """Paths of the archives of which the linker took a member."""
    text = (build / f"{target}.map").read_text(errors="replace")
    members = text.split("Archive member included")[-1].split("\nDiscarded input sections")[0]
    return {path for path in re.findall(r"^(/\S+\.a)\(", members, re.MULTILINE)}


def asks_for(file, root):
    """{soname: path} of the shared libraries that a file asks for, and those that they ask for."""
    folders = [f"{root or ''}{folder}" for folder in
               ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu",
                "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib", "/lib")]
    found, waiting = {}, [file]
    while waiting:
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-dW", waiting.pop())):
            if name not in found:
                found[name] = next((f"{folder}/{name}" for folder in folders if os.path.exists(f"{folder}/{name}")),
                                   None)
                waiting += [found[name]] if found[name] else []
    return found


def how_linked(arguments):
    """({source: a Package of it}, {source: {how: names}}, {name: how} of what belongs to no known package)."""
    packages, used, strangers = {}, collections.defaultdict(lambda: collections.defaultdict(set)), {}
    project = pathlib.Path(__file__).resolve().parents[1]
    own = tuple(f"{folder}/" for folder in (project / "spikemix", project / "python", arguments.build))

    def add(path, how, name):
        package = of_pip(path) or of_debian(path, arguments.root)
        if package is None or package.source not in KNOWN and package.source not in SYSTEM:
            strangers[path if name == HEADERS else name] = how
        elif name != HEADERS or package.source in CODE_IN_HEADERS:
            packages.setdefault(package.source, package)
            used[package.source][how].add(name)

    for target, file in (item.split("=", 1) for item in arguments.files):
        for path in compiled_from(arguments.ninja, arguments.build, target):
            if not path.startswith(own):
                add(path, INSIDE, HEADERS)
        for path in linked_in(arguments.build, target):
            if not path.startswith(own):
                add(path, INSIDE, os.path.basename(path))
        for name, path in asks_for(file, arguments.root).items():
            comes_along = arguments.wheel and not IN_EVERY_LINUX.match(name)
            add(path or name, BESIDE if comes_along else ASKED_FOR, name)
    return packages, used, strangers


def page(arguments, packages, used, strangers):
    files = ", ".join(f"`{os.path.basename(item.split('=', 1)[1])}`" for item in arguments.files)
    lines = [f"# Software of others in spikemix {arguments.version}", "",
             f"Made into {files}, by `script/third_party.py`. What is inside, or lies beside in the wheel, has "
             "its licence below; what is asked for comes from the system.", "",
             "| | version | licence | how |", "|---|---|---|---|"]
    order = sorted(packages, key=lambda source: KNOWN[source][0].lower())
    for source in order:
        name, licence, home = KNOWN[source]
        how = "; ".join(f"{how}: {', '.join(sorted(used[source][how]))}"
                        for how in (INSIDE, BESIDE, ASKED_FOR) if how in used[source])
        lines.append(f"| [{name}]({home}) | {packages[source].version} | {licence} | {how} |")
    lines += [f"| {name} | | not known to the script | {how} |" for name, how in sorted(strangers.items())]
    common = set()
    for source in order:
        if source in SYSTEM or set(used[source]) == {ASKED_FOR}:
            continue
        text = packages[source].text.read_text(errors="replace").strip()
        common |= set(re.findall(r"/usr/share/common-licenses/([\w.-]*\w)", text))
        lines += ["", f"## {KNOWN[source][0]}", "", "```", text, "```"]
    named = collections.defaultdict(list)  # GPL is a link to GPL-3: one text
    for path in (pathlib.Path("/usr/share/common-licenses", name) for name in sorted(common)):
        if path.exists():
            named[path.resolve()].append(str(path))
    for path, names in named.items():
        lines += ["", f"## {', '.join(names)}", "", "```", path.read_text().strip(), "```"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--version", required=True)
    parser.add_argument("-o", dest="output", required=True, type=pathlib.Path)
    parser.add_argument("--ninja", default="ninja")
    parser.add_argument("--root", type=lambda path: os.path.realpath(path) if path else None)
    parser.add_argument("--wheel", action="store_true")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    packages, used, strangers = how_linked(arguments)
    for name in sorted(strangers):
        print(f"third_party.py: {name}: of no package in its table KNOWN, which has the licences", file=sys.stderr)
    arguments.output.write_text(page(arguments, packages, used, strangers))


if __name__ == "__main__":
    main()
