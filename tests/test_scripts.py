# SPDX-License-Identifier: MIT
"""script/watch.sh: what takes minutes shows that it goes on, and keeps what it said if it fails."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from places import SOURCE
from terminal import Terminal

WORK = ("echo '[1/3] compiling a'; echo; sleep 1.3; "
        f"echo '[2/3] compiling {60 * 'b'}'; echo a warning; sleep 1.3; exit {{}}")


def script(status, plain=1):
    return (f"set -euo pipefail; cd '{SOURCE}'; . script/watch.sh; watch_plain={plain}; say begin; "
            f"watch bash -c \"{WORK.format(status)}\" || {{ echo \"status $?\"; exit 3; }}; echo end")


def watch(status, tmp_path, **options):
    return subprocess.run(["bash", "-c", script(status, **options)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "TMPDIR": str(tmp_path)})


def test_lines_where_there_is_no_terminal(tmp_path):
    result = watch(0, tmp_path)
    lines = result.stdout.splitlines()
    assert result.returncode == 0 and lines[0] == "==> begin" and lines[-1] == "end" and len(lines) > 2
    assert all(re.fullmatch(r"    0:0\d  \[[12]/3\] compiling [ab]+", line) for line in lines[1:-1]), lines
    assert "\x1b" not in result.stdout
    assert watch(0, tmp_path, plain=20).stdout.splitlines() == ["==> begin", "end"], "what is quick says nothing"
    assert list(tmp_path.iterdir()) == [], "no log is left where nothing failed"


def test_a_failure_keeps_the_log(tmp_path):
    result = watch(7, tmp_path)
    assert result.returncode == 3 and result.stdout.splitlines()[-1] == "status 7"
    log, = tmp_path.iterdir()
    assert result.stderr == f"all of that: {log}\n"
    said = log.read_text()
    assert said.startswith("[1/3] compiling a\n\n[2/3]") and said.endswith("a warning\n") and said in result.stdout


def test_one_line_on_a_terminal(tmp_path):
    terminal = Terminal(["bash", "-c", script(0)], TMPDIR=str(tmp_path))
    lines = terminal.read().replace("\r\n", "\n").split("\n")
    assert terminal.process.returncode == 0
    assert len(lines) == 3 and lines[2] == "", "said once, then rewritten in place"
    shown = lines[1].split("\r\x1b[K")
    assert shown[0] == "" and shown[-1] == "end" and "[1/3] compiling a" in shown[1] and "[2/3]" in "".join(shown)
    assert all(len(text) < 80 for text in shown)


def is_too_long(name, line):
    """Tables, addresses and what a program prints stand on one line however long they are."""
    is_table = name.endswith(".md") and line.startswith("|")
    return len(line) > 120 and not is_table and "://" not in line and not line.startswith("spikemix: ")


def files_in_git():
    """Empty where this is no checkout."""
    return subprocess.run(["git", "ls-files"], cwd=SOURCE, capture_output=True, text=True).stdout.split()


def test_no_line_is_longer_than_120_columns():
    names = files_in_git()
    if not names:
        pytest.skip("not a git checkout")
    written = [name for name in names if not name.startswith("tests/fuzz/corpus/")
               and not name.endswith((".bin", ".inc", ".ipynb", ".png", ".pyi", ".safetensors", ".svg"))]
    long = [f"{name}:{number}" for name in written
            for number, line in enumerate((SOURCE / name).read_text().splitlines(), 1) if is_too_long(name, line)]
    assert not long


def test_sources_are_formatted_and_name_their_licence(tmp_path):
    if not files_in_git():
        pytest.skip("not a git checkout")
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    result = subprocess.run([SOURCE / "script" / "format", "--check"], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert 'license = "MIT"' in (SOURCE / "pyproject.toml").read_text()


def test_the_check_of_the_format_finds_faults(tmp_path):
    (tmp_path / "script").mkdir()
    shutil.copy(SOURCE / "script" / "format", tmp_path / "script" / "format")
    shutil.copy(SOURCE / ".clang-format", tmp_path)
    (tmp_path / "a.cc").write_text("int   a;\n")
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    def check(*flags):
        return subprocess.run(["script/format", *flags], cwd=tmp_path, env=environment, capture_output=True, text=True)

    result = check("--check")
    assert result.returncode and "a.cc: no line 'SPDX-License-Identifier: MIT'" in result.stdout
    assert "a.cc:1:4" in result.stderr
    check()
    assert (tmp_path / "a.cc").read_text() == "// SPDX-License-Identifier: MIT\nint a;\n"
    assert check("--check").returncode == 0
