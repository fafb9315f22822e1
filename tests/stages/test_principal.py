"""Many bands as a picture: what tells pixels apart stays, whatever units and wild values are."""

import numpy as np
import pytest
import tifffile

import spam_pipe
from spam_pipe.pipeline.datasets.images.bands import Reading, said_of
from spam_pipe.pipeline.datasets.images.image_file import read_picture
from spam_pipe.stages.principal import first_components

REGIONS = np.arange(40)[:, np.newaxis] // 20 * 2 + np.arange(60) // 30


def spectra(n_bands: int, kind: str = "f8", seed: int = 0) -> np.ndarray:
    """Return four materials with spectra of their own, in noise, each band in its own unit."""
    random = np.random.default_rng(seed)
    own = 0.2 + 0.7 * random.random((4, n_bands))
    values = own[REGIONS] + random.normal(0, 0.03, (*REGIONS.shape, n_bands))
    return (values * random.uniform(50, 5000, n_bands)).astype(kind)


@pytest.mark.parametrize("n_bands", [2, 5, 30, 200])
@pytest.mark.parametrize("kind", ["f4", "u2", "i4"])
def test_regions_stay_apart(n_bands: int, kind: str) -> None:
    colors, share = first_components(spectra(n_bands, kind))
    assert 0.5 < share <= 1
    means = np.array([colors[each == REGIONS].mean(axis=0) for each in range(4)])
    within = max(colors[each == REGIONS].std(axis=0).max() for each in range(4))
    apart = min(np.linalg.norm(means[i] - means[j]) for i in range(4) for j in range(i))
    assert apart > 3 * within


def test_units_and_wild_values_decide_nothing() -> None:
    bands = spectra(8)
    one, _ = first_components(bands)
    other, _ = first_components(bands * np.arange(1, 9) * 1e3 + 7)
    assert np.abs(one.astype(int) - other).max() <= 1
    wild = bands.copy()
    wild[0, 0] = 1e12
    spoilt, _ = first_components(wild)
    assert np.abs(one.astype(int) - spoilt)[REGIONS > 0].mean() < 2


def test_what_is_outside_decides_nothing() -> None:
    bands = spectra(6)
    valid = np.ones(REGIONS.shape, np.bool_)
    valid[:, :10] = False
    other = bands.copy()
    other[~valid] = np.nan
    np.testing.assert_array_equal(
        first_components(bands, valid)[0], first_components(other, valid)[0]
    )
    assert (first_components(bands, valid)[0][~valid] == 127).all()


@pytest.mark.parametrize("n_bands", [1, 2, 3, 5, 200])
def test_segment_takes_as_many_channels_as_there_are(n_bands: int) -> None:
    bands = spectra(n_bands)
    if n_bands in (1, 3):
        bands = (bands - bands.min()) / np.ptp(bands)
    labels = spam_pipe.segment(bands, 24, prior="none")
    assert labels.max() == 23
    figures = spam_pipe.evaluate(labels, ground_truth=REGIONS)
    assert figures["asa"] is not None
    assert figures["asa"] > (0.95 if n_bands > 1 else 0.8)
    first = np.moveaxis(bands, -1, 0)
    np.testing.assert_array_equal(
        spam_pipe.segment(first, 24, prior="none", channel_axis=0), labels
    )


def test_all_bands_of_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.tif"
    bands = spectra(12, "u2")
    tifffile.imwrite(path, bands, photometric="minisblack", planarconfig="contig")
    made = read_picture(path, Reading(bands="all"))
    np.testing.assert_array_equal(made.pixels, first_components(bands)[0])
    assert said_of(made.facts).startswith("principal components of 12 bands (")
