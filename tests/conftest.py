"""What the Python tests share: the operators built from tests/ops, the program, and the data."""
import os
import pathlib

import pytest
import torch

SOURCE = pathlib.Path(os.environ.get("SPIKEMIX_SOURCE", pathlib.Path(__file__).parents[1]))
BUILD = pathlib.Path(os.environ.get("SPIKEMIX_BUILD", SOURCE / "build" / "release"))
DATA = pathlib.Path(os.environ.get("SPIKEMIX_TEST_DATA", SOURCE.parent / "shared" / "data"))
torch.backends.cudnn.allow_tf32 = False  # as in the program: fp32 is fp32


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Nothing is left in the user's own cache, nor taken from there."""
    os.environ["SPIKEMIX_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def ops():
    """torch.ops.spikemix_test: the C++ mixers, neurons and models as operators, gradients included."""
    torch.ops.load_library(BUILD / "tests" / "libspikemix_test_ops.so")
    return torch.ops.spikemix_test


@pytest.fixture(scope="session")
def spikemix():
    """Path of the program."""
    return BUILD / "spikemix"


@pytest.fixture(scope="session")
def data():
    if not DATA.is_dir():
        pytest.skip(f"no data at {DATA}; set SPIKEMIX_TEST_DATA")
    return DATA
