# SPDX-License-Identifier: MIT
"""What the Python tests share: the operators built from tests/ops, the program, and the data."""
import pytest
import torch

from places import BUILD, PROGRAM, cache, own_cache, recorded  # noqa: F401: pytest finds the fixtures here

torch.backends.cudnn.allow_tf32 = False  # as in the program: fp32 is fp32


@pytest.fixture(scope="session")
def ops():
    """torch.ops.spikemix_test: the C++ mixers, neurons and models as operators, gradients included."""
    torch.ops.load_library(BUILD / "tests" / "libspikemix_test_ops.so")
    return torch.ops.spikemix_test


@pytest.fixture(scope="session")
def spikemix():
    """Path of the program."""
    return PROGRAM
