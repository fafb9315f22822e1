"""Many bands as a picture: what tells pixels apart stays, whatever units and wild values are."""

import numpy as np
import pytest
import tifffile

import spam_pipe
from spam_pipe.pipeline.datasets.images.bands import Reading, said_of
from spam_pipe.pipeline.datasets.images.image_file import read_picture
from spam_pipe.stages.principal import MOST_COMPONENTS, principal_components

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
    found = principal_components(spectra(n_bands, kind))
    colors, share = found.colors, found.seen
    assert colors is not None
    assert 0.5 < share <= 1
    means = np.array([colors[each == REGIONS].mean(axis=0) for each in range(4)])
    within = max(colors[each == REGIONS].std(axis=0).max() for each in range(4))
    apart = min(np.linalg.norm(means[i] - means[j]) for i in range(4) for j in range(i))
    assert apart > 3 * within


def test_units_and_wild_values_decide_nothing() -> None:
    bands = spectra(8)
    one = principal_components(bands).colors
    other = principal_components(bands * np.arange(1, 9) * 1e3 + 7).colors
    assert np.abs(one.astype(int) - other).max() <= 1
    wild = bands.copy()
    wild[0, 0] = 1e12
    spoilt = principal_components(wild).colors
    assert np.abs(one.astype(int) - spoilt)[REGIONS > 0].mean() < 2


def test_what_is_outside_decides_nothing() -> None:
    bands = spectra(6)
    valid = np.ones(REGIONS.shape, np.bool_)
    valid[:, :10] = False
    other = bands.copy()
    other[~valid] = np.nan
    np.testing.assert_array_equal(
        principal_components(bands, valid).colors, principal_components(other, valid).colors
    )
    assert (principal_components(bands, valid).colors[~valid] == 127).all()


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
    made = read_picture(path, Reading(every=True))
    np.testing.assert_array_equal(made.pixels, principal_components(bands).colors)
    assert said_of(made.facts).startswith("principal components of 12 bands (")


HALVES = (np.hypot(np.arange(40)[:, np.newaxis] - 17, np.arange(60) - 23) < 14).astype(np.int64)


def hidden_border(n_bands: int = 12) -> np.ndarray:
    """Return bands whose weakest component, none of the first three, tells a disk from the rest."""
    rows, columns = np.mgrid[-1:1:40j, -1:1:60j]
    slow = np.stack([rows, columns, rows * columns], axis=2)
    strong = np.random.default_rng(3).normal(0, 6, (3, n_bands))
    weak = np.zeros(n_bands)
    weak[3:] = np.linalg.svd(strong[:, 3:])[2][-1]
    half = np.where(HALVES, 1.0, -1.0)[..., np.newaxis]
    return np.asarray(slow @ strong + 5 * half * weak)


@pytest.mark.parametrize("bands", ["all", (0, 1, 2)])
def test_bands_that_are_not_seen_count(bands) -> None:  # type: ignore[no-untyped-def]
    samples = hidden_border()
    labels = spam_pipe.segment(samples, 20, prior="none", bands=bands)
    found = principal_components(samples, shown=None if bands == "all" else bands)
    assert 0 < found.further.shape[2] <= MOST_COMPONENTS
    assert found.seen < found.kept <= 1 + 1e-9
    assert spam_pipe.evaluate(labels, ground_truth=HALVES)["asa"] > (
        0.93 if bands == "all" else 0.99
    )
    if bands != "all":
        three = spam_pipe.segment(stretched(samples[..., :3]), 20, prior="none")
        assert spam_pipe.evaluate(three, ground_truth=HALVES)["asa"] < 0.9
    else:
        assert found.colors is not None
        assert not np.array_equal(labels, spam_pipe.segment(found.colors, 20, prior="none"))


def stretched(samples: np.ndarray) -> np.ndarray:
    low, high = np.percentile(samples, (2, 98), axis=(0, 1))
    return np.clip((samples - low) / (high - low), 0, 1)


@pytest.mark.parametrize("shown", [None, (4, 0, 2)])
def test_components_are_uncorrelated_and_what_is_shown_is_taken_from_them(shown) -> None:  # type: ignore[no-untyped-def]
    samples = spectra(9)
    further = principal_components(samples, shown=shown).further.reshape(-1, 9 - 3)
    own = np.corrcoef(further, rowvar=False) - np.eye(further.shape[1])
    assert np.abs(own).max() < 0.05
    if shown is not None:
        both = np.corrcoef(samples[..., shown].reshape(-1, 3), further, rowvar=False)
        assert np.abs(both[:3, 3:]).max() < 0.05


def test_four_channels_are_said_to_be_bands() -> None:
    samples = spectra(4)
    with pytest.raises(ValueError, match=r"may be RGBA or four bands: .* bands='all'"):
        spam_pipe.segment(samples, 9, prior="none")
    made = {
        str(bands): spam_pipe.segment(samples, 9, prior="none", bands=bands)
        for bands in ("all", (2, 1, 0))
    }
    assert all(labels.max() == 8 for labels in made.values())
    for wrong in ((1, 2), (0, 1, 4), "every"):
        with pytest.raises(ValueError, match="bands"):
            spam_pipe.segment(samples, 9, prior="none", bands=wrong)


def test_bands_of_a_hierarchy_of_blocks_and_outside_of_a_mask() -> None:
    from spam_pipe.stages.base import Inputs
    from spam_pipe.stages.methods.config import SegmentConfig
    from spam_pipe.stages.segment.large.segment_large import segment_large

    samples = hidden_border()
    nested = spam_pipe.hierarchy(samples, 20, prior="none").labels(20)
    assert spam_pipe.evaluate(nested, ground_truth=HALVES)["asa"] > 0.93
    mask = np.ones((40, 60), np.bool_)
    mask[:, :10] = False
    samples[~mask] = np.nan
    labels = spam_pipe.segment(samples, 20, prior="none", mask=mask)
    assert spam_pipe.evaluate(labels, ground_truth=HALVES, mask=mask)["asa"] > 0.96
    found = principal_components(samples, mask)
    inputs = Inputs(image=found.colors, bands=found.further, valid=mask)
    made = segment_large(inputs, 20, SegmentConfig(network="none"), "cpu").labels
    assert spam_pipe.evaluate(made, ground_truth=HALVES)["asa"] > 0.96
