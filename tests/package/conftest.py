"""What the package's tests share. They run on the installed wheel, in an environment that has numpy and nothing else;
those that import torch or ask for more in one that has torch too (script/package makes both)."""
import os
import pathlib

import pytest

SOURCE = pathlib.Path(os.environ.get("SPIKEMIX_SOURCE", pathlib.Path(__file__).parents[2]))
BUILD = pathlib.Path(os.environ.get("SPIKEMIX_BUILD", SOURCE / "build" / "release"))
DATA = pathlib.Path(os.environ.get("SPIKEMIX_TEST_DATA", SOURCE.parent / "shared" / "data"))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Nothing is left in the user's own cache, nor taken from there."""
    os.environ["SPIKEMIX_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def program():
    """Path of the program of the release build."""
    return BUILD / "spikemix"


@pytest.fixture(scope="session")
def data():
    if not DATA.is_dir():
        pytest.skip(f"no data at {DATA}; set SPIKEMIX_TEST_DATA")
    return DATA
