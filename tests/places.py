# SPDX-License-Identifier: MIT
"""Where the tests find what they need, and what of it they share. Without torch: the package's tests use it as well."""
import os
import pathlib

import pytest

from small_data import small

SOURCE = pathlib.Path(os.environ.get("SPIKEMIX_SOURCE", pathlib.Path(__file__).resolve().parents[1]))
BUILD = pathlib.Path(os.environ.get("SPIKEMIX_BUILD", SOURCE / "build" / "release"))
DATA = pathlib.Path(os.environ.get("SPIKEMIX_TEST_DATA", SOURCE.parent / "shared" / "data"))
PROGRAM = BUILD / "spikemix"
CORPUS = SOURCE / "tests" / "fuzz" / "corpus"  # a small whole file of every kind that is read


def data_at(*names):
    """A file or folder of the data; of the small ones that the tests make, where there are none."""
    path = DATA.joinpath(*names)
    if not path.exists():
        path = small(*names)
    return path


def real_data_at(why, *names):
    """A file or folder of the data, for a test whose point is that they are real; without them it is skipped."""
    path = DATA.joinpath(*names)
    if not path.exists():
        pytest.skip(f"{why}: no data at {path}; set SPIKEMIX_TEST_DATA")
    return path


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Nothing is left in the user's own cache, nor taken from there."""
    os.environ["SPIKEMIX_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of this test alone, which is not made yet."""
    monkeypatch.setenv("SPIKEMIX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def recorded():
    """Recordings of events: single/ with what others count in them, malformed/, and data sets."""
    return data_at("events")
