# SPDX-License-Identifier: MIT
"""The examples of --help, and what sentences of README and the docs name, exist. test_commands.py runs their blocks."""
import re
import shlex

import pytest

from places import SOURCE
from tiny import run

PAGES = ["README.md", *sorted(f"docs/{page.name}" for page in (SOURCE / "docs").glob("*.md"))]
USAGE = "--help` tells more"  # in the error about a misunderstood command line


@pytest.fixture(scope="module")
def helps(spikemix):
    """What --help says of every command, subcommands included, by its words; of none: of the program."""
    found = {}

    def ask(*path):
        found[path] = run(spikemix, *path, "--help").stdout
        listed = found[path].partition("Subcommands:\n")[2].split("\n\n")[0]
        for name in re.findall(r"^  (\w+) ", listed, re.MULTILINE):
            ask(*path, name)

    ask()
    return found


def spikemix_lines(text):
    """The commands in `text` that are separate lines, from "spikemix" on, without trailing remarks."""
    for line in text.splitlines():
        line = re.sub(r"^(\w+ \| |(\S*torchrun .* )?build/release/)", "", line.strip())
        if line.startswith("spikemix "):
            yield re.split(r" {2,}|  ?# | > ", line)[0]


def prose(page):
    """The page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", (SOURCE / page).read_text(), flags=re.DOTALL | re.MULTILINE)


def assert_understood(spikemix, line, folder):
    """The command line is parsed, and the only error is that the files it names do not exist."""
    words = [re.sub("^/(usr|run)/", "no/such/", word) for word in shlex.split(line)[1:]]
    result = run(spikemix, *words, cwd=folder, stdin=-3)
    assert USAGE not in result.stderr and "did you mean" not in result.stderr, (line, result.stderr)
    assert result.returncode in (0, 2), (line, result.stderr)


def test_every_command_has_examples_that_work(spikemix, helps, tmp_path):
    assert {("train",), ("events", "convert"), ("data", "info")} < helps.keys()
    for command, text in helps.items():
        lines = list(spikemix_lines(text.partition("Examples:\n")[2]))
        assert lines or not command, f"{command}: no examples in its --help"
        for line in lines:
            assert tuple(shlex.split(line)[1:][:len(command)]) == command, line
            assert_understood(spikemix, line, tmp_path)
    assert not list(tmp_path.iterdir()), "an example wrote something though its input is missing"


@pytest.fixture(scope="module")
def keys(spikemix):
    """The keys of a recipe."""
    return set(re.findall(r"^ *([a-z]+\.\w+)", run(spikemix, "recipes", "--keys").stdout, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_flags_and_keys_that_sentences_name(helps, keys, page):
    """`spikemix COMMAND --flag key=value` within a sentence or a table: all three exist."""
    for code in re.findall(r"`((?:build/release/)?spikemix [^`]+)`", prose(page)):
        words = code.split()[1:]
        text = helps.get(tuple(words[:2]), helps.get(tuple(words[:1])))
        if text is None:
            assert words[0].startswith("-"), f"{page}: {code}: there is no such command"
            continue
        for flag in re.findall(r"--[a-z-]+", code):
            assert re.search(rf"[ ,]{flag}\b(?!-)", text), f"{page}: {code}: the command has no {flag}"
        for key in re.findall(r"([a-z]+\.[a-z_]+)=", code):
            assert key in keys, f"{page}: {code}: there is no key {key}"


@pytest.mark.parametrize("page", PAGES)
def test_scripts_that_sentences_name(page):
    """`script/NAME --flag` and `bench/NAME --flag` within a sentence or a table: both exist."""
    for code in re.findall(r"`(?:\S*python |\w+=\S+ )?((?:bench|script|tests|examples)/[^`]+)`", prose(page)):
        name, *words = code.split()
        assert list(SOURCE.glob(name)), f"{page}: {code}: there is no {name}"
        for flag in (word for word in words if word.startswith("--")):
            text, folder = (SOURCE / name).read_text(), (SOURCE / name).parent
            for module in re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE):
                if (folder / f"{module}.py").exists():
                    text += (folder / f"{module}.py").read_text()
            assert flag in text, f"{page}: {code}: it has no {flag}"


def test_readmes_commands_find_their_run():
    """Typed one after the other, each command finds the folder of the training before it."""
    made = []
    for line in spikemix_lines((SOURCE / "README.md").read_text()):
        words = shlex.split(line)
        if words[1] == "train":
            made.append(words[words.index("--out") + 1] if "--out" in words else f"runs/{words[2]}")
        assert set(re.findall(r"runs/[\w-]+", line)) <= set(made), line
    assert len(made) == len(set(made)), "the second run of a recipe goes to another folder than README says"
