"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A test's first example may have to compile kernels.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

PROJECT = Path(__file__).resolve().parents[1]


def _shared(*parts: str) -> Path | None:
    folder = PROJECT.parent / "shared"
    path = folder.joinpath(*parts)
    return path if path.exists() else None


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder that holds BSDS500; tests that need it skip when it is not there."""
    named = os.environ.get("SPAM_DATA")
    root = Path(named) if named else _shared("data")
    if root is None or not (root / "BSDS500").is_dir():
        pytest.skip("BSDS500 not found: set SPAM_DATA to the folder that holds BSDS500")
    return root


@pytest.fixture(scope="session")
def bsd_root(data_root: Path) -> Path:
    """BSDS500's data folder, with `images` and `groundTruth`."""
    return data_root / "BSDS500" / "data"


@pytest.fixture(scope="session")
def metric_reference() -> Path:
    """Label maps and the metric figures to match."""
    path = _shared("reference", "metrics")
    if path is None:
        pytest.skip("the metrics' reference figures are not beside this checkout")
    return path
