# SPDX-License-Identifier: MIT
"""What the package's tests share. They run on the installed wheel, in an environment that has numpy and nothing else;
those that import torch or ask for more in one that has torch too (script/package makes both)."""
import pytest

from places import PROGRAM, cache, data, own_cache, recorded  # noqa: F401: pytest finds the fixtures here


@pytest.fixture(scope="session")
def program():
    """Path of the program of the release build."""
    return PROGRAM
