# SPDX-License-Identifier: MIT
"""script/release and script/check_torch, with what takes long left out or played by scripts: what they refuse, what
they say, and that the same commit gives the same bytes."""
import os
import shutil
import subprocess
import tarfile

import pytest

from places import SOURCE

COMMITTER = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
             for what, value in (("NAME", "a"), ("EMAIL", "a@example.org"), ("DATE", "2026-01-02T03:04:05Z"))}


def run(folder, *command, status=0, **env):
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                            env={**os.environ, **COMMITTER, "TMPDIR": str(folder.parent), **env})
    assert result.returncode == status, result.stdout + result.stderr
    return result


@pytest.fixture
def checkout(tmp_path):
    """A git checkout of the files that the scripts look at."""
    folder = tmp_path / "checkout"
    for name in ("script", "cmake", "CMakeLists.txt", "CHANGELOG.md", "CITATION.cff", ".gitattributes", ".gitignore",
                 "tests/requirements.txt"):
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if (SOURCE / name).is_dir() else shutil.copy2)(SOURCE / name, target)
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "all")
    return folder


def refused(folder, *arguments):
    result = run(folder, "script/release", *(arguments or ["source"]), status=2)
    line, = result.stderr.splitlines()
    assert line.startswith("script/release: ") and not (folder / "build").exists()
    return line


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    run(path.parent, "git", "commit", "-q", "-a", "-m", "change")


def test_only_a_commit_is_released(checkout):
    (checkout / "new").write_text("")
    assert "not as committed: new; commit or remove it" in refused(checkout)
    (checkout / "newer").write_text("")
    assert "not as committed: new and more" in refused(checkout)
    shutil.rmtree(checkout / ".git")
    assert "no git checkout" in refused(checkout)


def test_only_a_version_that_the_changelog_has(checkout):
    change(checkout / "CMakeLists.txt", "spikemix VERSION 0.1.0", "spikemix VERSION 0.1")
    assert "CHANGELOG.md has no '## 0.1', the version in CMakeLists.txt" in refused(checkout)
    change(checkout / "CHANGELOG.md", "## 0.1.0", "## 0.1")
    assert "CITATION.cff has version: 0.1.0, expected the version in CMakeLists.txt, 0.1" in refused(checkout)


def test_source_archive_twice(checkout):
    said = run(checkout, "script/release", "source").stdout
    files = checkout / "build" / "release-files"
    archive = files / "spikemix-0.1.0-source.tar.gz"
    run(files, "sha256sum", "--check", "--strict", "SHA256SUMS")
    assert archive.name in said and set(os.listdir(files)) == {archive.name, "SHA256SUMS"}
    assert "made twice, the same bytes: 1 files" in run(checkout, "script/release", "--check", "source").stdout
    # in a clone, by somebody with another umask; the commit is in it
    run(checkout.parent, "git", "clone", "-q", checkout, "clone")
    run(checkout.parent, "bash", "-c", "umask 077; clone/script/release source")
    assert (checkout.parent / "clone" / "build" / "release-files" / archive.name).read_bytes() == archive.read_bytes()
    commit = run(checkout, "git", "rev-parse", "HEAD").stdout.strip()
    with tarfile.open(archive) as tar:
        assert f'"{commit}"' in tar.extractfile("spikemix-0.1.0/cmake/git_commit.cmake").read().decode()
        assert {(member.uid, member.uname) for member in tar} == {(0, "root")}
    # what is not the same is named
    archive.write_bytes(archive.read_bytes()[:-1])
    different = run(checkout, "script/release", "--check", "source", status=1).stderr
    assert f"made twice, these differ: {archive.name} (in " in different


def test_an_archive_knows_its_commit_without_git(checkout, tmp_path):
    run(checkout, "script/release", "source")
    with tarfile.open(next((checkout / "build" / "release-files").glob("*.gz"))) as tar:
        tar.extractall(tmp_path)
    output = tmp_path / "version.cc"
    for source in (tmp_path / "spikemix-0.1.0", checkout):
        run(tmp_path, "cmake", f"-DSOURCE_DIR={source}", f"-DOUTPUT={output}", "-DPROJECT_VERSION=1", "-P",
            source / "cmake" / "git_commit.cmake")
        assert run(checkout, "git", "rev-parse", "HEAD").stdout[:12] in output.read_text(), source


FAKES = {"python": """case "$*" in
  "-m pip index versions torch"*) echo 'torch (2.15.0)'
    echo 'Available versions: 2.15.0, 2.14.1, 2.14.0, 2.13.0+cpu, 2.13.0, 2.12.0, 2.11.0, 2.10.0, 2.9.1' ;;
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  "-m pip install "*torch==2.15*) echo 'ERROR: No matching distribution found for torch==2.15.0' >&2; exit 1 ;;
  "-c "*) echo 2.13.0 ;;
esac""",
         "cmake": """case "$*" in *"--build build/torch-2.14"*) echo 'error: no such member'; exit 1 ;; esac""",
         "ctest": """case "$*" in
  *2.12.0*) echo '90% tests passed, 1 tests failed out of 10'; exit 8 ;;
  *2.11.0*) echo 'No tests were found!!!'; exit 8 ;;
esac
echo '100% tests passed, 0 tests failed out of 10'"""}


@pytest.fixture
def fakes(tmp_path):
    folder = tmp_path / "fakes"
    folder.mkdir()
    for name, text in FAKES.items():
        (folder / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "SPIKEMIX_PYTHON": str(folder / "python"), "SPIKEMIX_KEEP": ""}


def test_check_torch_tells_what_came_of_each_version(checkout, fakes):
    said = run(checkout, "script/check_torch", status=1, **fakes).stdout
    table = [line.split(" s  ") for line in said.split("==> LibTorch\n")[1].splitlines()]
    assert [(left.split()[0], right) for left, right in table] == [
        ("2.11.0", "no tests ran: build/torch-2.11.0/tests.log"),
        ("2.12.0", "90% tests passed, 1 tests failed out of 10: build/torch-2.12.0/tests.log"),
        ("2.13.0", "all 10 tests passed"), ("2.14.1", "does not build"),
        ("2.15.0", "not installed: ERROR: No matching distribution found for torch==2.15.0")]
    assert "installing torch 2.14.1" in said and "installing torch 2.13.0" not in said, "that one is there"
    assert not (checkout / "build" / "torch-2.13.0").exists()


def test_check_torch_of_named_versions(checkout, fakes):
    run(checkout, "script/check_torch", "2.13.0", "2.15.0", **fakes)
    run(checkout, "script/check_torch", "2.15.0", status=1, **fakes)  # nothing was tested
    assert "usage: script/check_torch" in run(checkout, "script/check_torch", "newest", status=2, **fakes).stdout


@pytest.mark.parametrize("version, problem, remark", [
    ("2.10.1", "too old: 2.11 to 2.14 work", ""), ("2.11.0", "", ""), ("2.14.1", "", ""),
    ("2.15.0", "", "has never been tried with spikemix: 2.11 to 2.14 work"), ("2.15.0a0", "", "never been tried")])
def test_what_cmake_says_of_a_version(tmp_path, version, problem, remark):
    torch = tmp_path / "torch" / "share" / "cmake" / "Torch"
    torch.mkdir(parents=True)
    (torch / "TorchConfig.cmake").write_text("")
    (torch / "TorchConfigVersion.cmake").write_text(f'set(PACKAGE_VERSION "{version}")\n')
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(x LANGUAGES NONE)\n"
        f"set(Torch_DIR {torch})\ninclude({SOURCE}/cmake/torch.cmake)\n"
        'message(STATUS "<${torch_problem}><${torch_remark}>")\n')
    said = run(tmp_path, "cmake", "-B", tmp_path / "build").stdout.split("<")[1:]
    assert len(said) == 2 and problem in said[0] and remark in said[1]
    assert (said[0] == ">") == (problem == "") and (said[1].split("\n")[0] == ">") == (remark == "")
