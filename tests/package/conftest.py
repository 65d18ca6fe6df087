"""Shared by the package's tests. They run on the installed wheel, in an environment that has only numpy;
those that import torch or need more run in one that also has torch (script/package makes both)."""
import os
import pathlib

import pytest

SOURCE = pathlib.Path(os.environ.get("SPIKEMIX_SOURCE", pathlib.Path(__file__).parents[2]))
BUILD = pathlib.Path(os.environ.get("SPIKEMIX_BUILD", SOURCE / "build" / "release"))
DATA = pathlib.Path(os.environ.get("SPIKEMIX_TEST_DATA", SOURCE.parent / "shared" / "data"))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keeps the tests out of the user's own cache."""
    os.environ["SPIKEMIX_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def program():
    """Path of the release build's program."""
    return BUILD / "spikemix"


@pytest.fixture(scope="session")
def data():
    if not DATA.is_dir():
        pytest.skip(f"no data at {DATA}; set SPIKEMIX_TEST_DATA")
    return DATA
