"""Every method by its name: valid labels, the count, the same twice; names, aliases, extras."""

import importlib.util
from functools import cache

import numpy as np
import pytest
from skimage.data import astronaut

from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.colour import rgb_to_lab
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.names import (
    ALIASES,
    KEEP_TO_PRIOR,
    METHODS,
    NEED_OPENCV,
    external_name,
    known_method,
    method_names,
    require_extra,
)
from spam_pipe.stages.methods.registry import find_method
from spam_pipe.stages.scene import Scene, Segmentation
from spam_pipe.stages.segment.stage import SegmentStage

NAMES = [name for name in METHODS if name not in {"spam", "spam-nested", "external"}]
HAS_OPENCV = importlib.util.find_spec("cv2") is not None


@cache
def scene() -> Scene:
    """A face of 80 × 110 pixels, its ground truth a coarse grid."""
    image = np.ascontiguousarray(astronaut()[40:200:2, 130:350:2])
    rows, columns = np.indices(image.shape[:2])
    truth = (rows // 33 * 10 + columns // 47).astype(np.uint32)
    return Scene(image, rgb_to_lab(image), annotations=(truth,))


def segment(name: str, n: int, **options: object) -> Segmentation:
    if name in NEED_OPENCV and not HAS_OPENCV:
        pytest.skip("OpenCV is not installed")
    return find_method(name)(scene(), n, SegmentConfig(method=name, **options))


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_numbered_and_the_same_each_time(name: str) -> None:
    made, again = segment(name, 40), segment(name, 40)
    assert made.labels.shape == (80, 110)
    assert made.labels.dtype == np.int32
    assert np.array_equal(np.unique(made.labels), np.arange(made.labels.max() + 1))
    assert np.array_equal(made.labels, again.labels)
    assert made.attributes == again.attributes


@pytest.mark.parametrize(
    "name",
    [
        "slic-ward",
        "bpt",
        "watershed-hierarchy",
        "maskslic",
        "felzenszwalb",
        "quickshift",
        "snic",
        "grid",
        "voronoi",
        "ground-truth",
    ],
)
def test_the_number_made_is_within_five_percent(name: str) -> None:
    for wanted in (30, 90):
        made = segment(name, wanted)
        n = int(made.labels.max()) + 1
        assert abs(n - wanted) <= 0.05 * wanted, made.attributes
        assert "note" not in made.attributes


@pytest.mark.parametrize("name", ["slic", "watershed", "slic-cv", "slico", "lsc", "seeds", "mslic"])
def test_a_number_that_comes_in_steps_is_noted_where_it_is_off(name: str) -> None:
    for wanted in (30, 90):
        made = segment(name, wanted)
        error = abs(int(made.labels.max()) + 1 - wanted)
        assert ("note" in made.attributes) == (error > 0.05 * wanted)
        if name != "mslic":  # whose number follows its knob badly
            assert error < 0.2 * wanted


def test_slic_is_scikit_image_s_at_the_knob_found() -> None:
    from skimage.segmentation import slic

    made = segment("slic", 40)
    expected = slic(
        scene().image, n_segments=int(made.attributes["knob_value"]), compactness=10, start_label=0
    )
    assert np.array_equal(made.labels, expected)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("slic", {"slic": {"compactness": 40.0}}),
        ("maskslic", {"maskslic": {"compactness": 40.0}}),
        ("felzenszwalb", {"felzenszwalb": {"sigma": 2.0}}),
        ("felzenszwalb", {"felzenszwalb": {"min_size": 100}}),
        ("watershed", {"watershed": {"compactness": 0.01}}),
        ("quickshift", {"quickshift": {"ratio": 0.3}}),
        ("quickshift", {"quickshift": {"kernel_size": 3.0}}),
        ("slic-cv", {"slic_cv": {"ruler": 40.0}}),
        ("mslic", {"mslic": {"ruler": 40.0}}),
        ("seeds", {"seeds": {"prior": 0}}),
        ("seeds", {"seeds": {"levels": 2}}),
        ("seeds", {"seeds": {"histogram_bins": 10}}),
        ("lsc", {"lsc": {"ratio": 0.3}}),
        ("snic", {"snic": {"compactness": 80.0}}),
        ("slic-ward", {"slic_ward": {"finest": 60}}),
        ("slic-ward", {"slic_ward": {"compactness": 40.0}}),
    ],
)
def test_every_option_reaches_its_method(name: str, options: dict[str, object]) -> None:
    assert not np.array_equal(segment(name, 40).labels, segment(name, 40, **options).labels)


@pytest.mark.parametrize("name", sorted(NEED_OPENCV))
def test_images_too_small_for_opencv_are_refused(name: str) -> None:
    if not HAS_OPENCV:
        pytest.skip("OpenCV is not installed")
    tiny = np.zeros((7, 30, 3), np.uint8)
    with pytest.raises(ValueError, match="need 8 pixels a side, this image is 7×30"):
        find_method(name)(Scene(tiny, rgb_to_lab(tiny)), 4, SegmentConfig(method=name))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ground-truth"])
@pytest.mark.parametrize("n", [1, 3, 64])
def test_a_tiny_image_of_one_colour_is_no_trouble(name: str, n: int) -> None:
    if name in NEED_OPENCV and not HAS_OPENCV:
        pytest.skip("OpenCV is not installed")
    tiny = np.full((8, 8, 3), 77, np.uint8)
    made = find_method(name)(Scene(tiny, rgb_to_lab(tiny)), n, SegmentConfig(method=name))
    assert np.array_equal(np.unique(made.labels), np.arange(made.labels.max() + 1))


def test_maskslic_keeps_to_the_objects_and_gives_uncertain_pixels_away() -> None:
    objects = np.ones((80, 110), np.int32)
    objects[:, 40:] = 2
    objects[55:, 40:] = 4
    objects[:, 39:42] = 0
    seen = Scene(scene().image, scene().lab, objects=objects)
    labels = find_method("maskslic")(seen, 40, SegmentConfig(method="maskslic")).labels
    assert labels.max() + 1 == pytest.approx(40, abs=2)
    held = [set(np.unique(labels[objects == i]).tolist()) for i in (1, 2, 4)]
    assert len(set.union(*held)) == sum(map(len, held))
    # Half the way to the next object, an uncertain pixel belongs to that side.
    assert set(np.unique(labels[:, 39]).tolist()) <= held[0]
    assert set(np.unique(labels[:, 41]).tolist()) <= held[1] | held[2]


def test_maskslic_shares_by_density() -> None:
    objects = np.ones((80, 110), np.int32)
    objects[:, 55:] = 2
    seen = Scene(scene().image, scene().lab, objects=objects, density=np.array([3.0, 1.0]))
    labels = find_method("maskslic")(seen, 80, SegmentConfig(method="maskslic")).labels
    assert np.unique(labels[:, :55]).size > 2 * np.unique(labels[:, 55:]).size


def run(method: str, **options: object) -> Output:
    stage, config = SegmentStage(), SegmentConfig(method=method, **options)
    inputs = Inputs(image=scene().image)
    (output,) = stage.run(inputs, config, stage.setup(config, "cpu"), [30])
    return output


def test_slic_masked_is_spam_without_deep_features() -> None:
    alias, meant = run("slic-masked"), run("spam", network="none")
    assert np.array_equal(alias.arrays["labels"], meant.arrays["labels"])
    assert alias.attributes == meant.attributes


def test_aliases_stand_for_a_method_and_options() -> None:
    for name, (method, options) in ALIASES.items():
        resolved = SegmentConfig(method=name).resolved
        assert resolved == SegmentConfig(method=method, **options)
    assert SegmentConfig(method="spam-ssn").deep_weights == "ssn"
    assert SegmentConfig(method="spam-ssn", weights="mine.pth").deep_weights == "mine.pth"
    assert SegmentConfig(method="slic-masked").deep_weights is None


def test_an_alias_and_an_option_that_contradict_are_refused() -> None:
    with pytest.raises(ValueError, match=r"spam-ssn means network=ssn, not none; .*=default"):
        SegmentConfig(method="spam-ssn", network="none")
    assert SegmentConfig(method="slic-masked", network="none").deep_weights is None


def test_which_methods_use_a_prior() -> None:
    for name in [*NAMES, *ALIASES, "spam"]:
        config = SegmentConfig(method=name)
        assert config.uses_prior == (config.resolved.method in KEEP_TO_PRIOR)
    assert SegmentConfig(method="slic-masked").uses_prior


def test_only_options_of_the_method_decide_its_results() -> None:
    def same(method: str, **options: object) -> bool:
        left, right = SegmentConfig(method=method), SegmentConfig(method=method, **options)
        return left.decisive == right.decisive

    tuned = {"slic": {"compactness": 20.0}}
    assert same("spam", **tuned)
    assert same("maskslic", **tuned)
    assert same("snic", **tuned, rho=0.2, network="none")
    assert not same("slic", **tuned)
    assert not same("maskslic", rho=0.2)
    assert not same("spam", rho=0.2)
    assert not same("slic-cv", slic_cv={"ruler": 3.0})
    assert SegmentConfig(method="slic").decisive != SegmentConfig(method="slico").decisive
    alias = SegmentConfig(method="slic-masked").decisive
    assert alias == SegmentConfig(network="none").decisive | {"method": "slic-masked"}


def test_names_are_listed_ours_first() -> None:
    assert method_names()[:5] == ("spam", "spam-ssn", "slic-masked", "spam-nested", "slic")
    assert method_names()[-1] == "external:NAME"
    assert len(method_names()) == 22


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("felzenswalb", r"did you mean felzenszwalb\?$"),
        ("slicmasked", r"did you mean slic-masked\?$"),
        ("external", r"did you mean external:NAME\?"),
        ("external:", "external:NAME"),
        ("external:a/b", "no superpixel method is named 'external:a/b'"),
        ("external:..", "no superpixel method"),
        ("qqq", "'qqq': there are spam, spam-ssn"),
    ],
)
def test_an_unknown_name_gets_a_suggestion(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        known_method(name)


def test_external_methods_go_by_their_folder() -> None:
    assert external_name("external:SEAL") == "SEAL"
    assert external_name("spam") is None
    with pytest.raises(ValueError, match=r"external:SEAL needs segment.external.*SEAL/<K>"):
        SegmentConfig(method="external:SEAL")


def test_a_missing_opencv_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spam_pipe.stages.methods.names.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"--method lsc needs OpenCV: pip install 'spam-pipe\[op"):
        require_extra("lsc")
    require_extra("slic")
