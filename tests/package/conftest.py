# SPDX-License-Identifier: MIT
"""Shared by the package's tests. They run on the installed wheel, in an environment that has only numpy;
those that import torch or need more run in one that also has torch (script/package makes both)."""
import pytest

from places import PROGRAM, cache, own_cache, recorded  # noqa: F401: pytest finds the fixtures here


@pytest.fixture(scope="session")
def program():
    """Path of the release build's program."""
    return PROGRAM
