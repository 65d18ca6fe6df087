# SPDX-License-Identifier: MIT
"""The commands and flags in --help, README and the docs exist."""
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


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_the_docs(spikemix, tmp_path, page):
    text = (SOURCE / page).read_text()
    for block in re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        for line in spikemix_lines(block):
            assert_understood(spikemix, line, tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_flags_that_sentences_name(helps, page):
    """`spikemix COMMAND --flag` within a sentence or a table: both exist."""
    prose = re.sub(r"^```.*?^```$", "", (SOURCE / page).read_text(), flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`((?:build/release/)?spikemix [^`]+)`", prose):
        words = code.split()[1:]
        text = helps.get(tuple(words[:2]), helps.get(tuple(words[:1])))
        if text is None:
            assert words[0].startswith("-"), f"{page}: {code}: there is no such command"
            continue
        for flag in re.findall(r"--[a-z-]+", code):
            assert re.search(rf"[ ,]{flag}\b(?!-)", text), f"{page}: {code}: the command has no {flag}"


def test_readmes_commands_find_their_run():
    """Typed one after the other, each command finds the folder of the training before it."""
    made = []
    for line in spikemix_lines((SOURCE / "README.md").read_text()):
        words = shlex.split(line)
        if words[1] == "train":
            made.append(words[words.index("--out") + 1] if "--out" in words else f"runs/{words[2]}")
        assert set(re.findall(r"runs/[\w-]+", line)) <= set(made), line
    assert len(made) == len(set(made)), "the second run of a recipe goes to another folder than README says"
