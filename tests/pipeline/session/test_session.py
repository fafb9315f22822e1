"""One honest model of runs and options: no command decides another one silently."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.errors import ConfigError
from spam_pipe.pipeline.session.options import Options, named_input
from spam_pipe.pipeline.session.session import Session


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three small images."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a", "b", "c"):
        Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(folder / f"{name}.png")
    return folder


def opened(command: str, tmp_path: Path, *paths: object, **options: object) -> Session:
    given = Options(outputs=str(tmp_path / "outputs"), **options)  # type: ignore[arg-type]
    return Session.open(command, named_input(given, [*map(str, paths)]))


def kept(session: Session) -> Session:
    session.run.begin(session.outputs)
    session.run.remember()
    return session


def test_naming_an_input_starts_from_the_defaults(photos: Path, tmp_path: Path) -> None:
    kept(opened("run", tmp_path, photos, assignments=["segment.compactness=9"]))
    assert opened("run", tmp_path, photos).run.config.segment.compactness is None
    assert opened("run", tmp_path).run.config.segment.compactness == 9
    stage = opened("segment", tmp_path, n_superpixels="70")
    assert stage.run.config.segment.compactness == 9
    assert stage.run.config.dataset.images == str(photos)
    assert opened("segment", tmp_path, reset=True).run.config.segment.compactness is None


def test_options_are_kept_once_something_came_out_with_them(photos: Path, tmp_path: Path) -> None:
    failing = opened("run", tmp_path, photos, superpixel_size="20m")
    failing.run.begin(failing.outputs)
    assert opened("report", tmp_path).run.config.superpixel_size == ()
    kept(failing)
    assert opened("report", tmp_path).run.config.superpixel_size != ()
    assert opened("report", tmp_path, superpixel_size="none").run.config.superpixel_size == ()


def test_a_mask_of_valid_pixels_is_taken_back_by_none(photos: Path, tmp_path: Path) -> None:
    kept(opened("run", tmp_path, photos, valid=str(photos)))
    assert opened("segment", tmp_path).run.config.dataset.valid == str(photos)
    assert opened("segment", tmp_path, valid="none").run.config.dataset.valid is None


def test_every_number_that_was_asked_for_is_remembered(photos: Path, tmp_path: Path) -> None:
    kept(opened("run", tmp_path, photos, n_superpixels="50,100"))
    assert kept(opened("run", tmp_path, photos, n_superpixels="200")).run.counts() == [50, 100, 200]


def test_nothing_to_go_on_with_explains_itself(tmp_path: Path) -> None:
    for command in ("run", "segment"):
        with pytest.raises(ConfigError, match=r"no run to go on with: name your images .* demo"):
            opened(command, tmp_path)


def test_images_several_images_and_patterns(photos: Path, tmp_path: Path) -> None:
    def ids(*paths: object) -> list[str]:
        return [item.id for item in opened("run", tmp_path, *paths).selection]

    assert ids(photos) == ["a", "b", "c"]
    assert ids(photos / "b.png") == ["b"]
    assert ids(photos / "a.png", photos / "c.png") == ["a", "c"]
    assert ids(photos / "[ab].png") == ["a", "b"]
    with pytest.raises(ConfigError, match="a folder: name it alone"):
        ids(photos / "a.png", photos)
    with pytest.raises(ConfigError, match=r"d\.png: not there"):
        ids(photos / "a.png", photos / "d.png")
    with pytest.raises(ConfigError, match="names the images already"):
        opened("run", tmp_path, photos, dataset="sample")


@pytest.mark.parametrize(
    ("options", "cure"),
    [
        ({"assignments": ["segment.compactness=3"]}, "segment.slic.compactness does"),
        ({"prior": "contour"}, "slic makes nothing of objects"),
        ({"assignments": ["segment.snic.compactness=3"]}, "decides nothing of --method slic"),
    ],
)
def test_an_option_without_effect_is_refused(
    photos: Path, tmp_path: Path, options: dict[str, object], cure: str
) -> None:
    with pytest.raises(ConfigError, match=cure):
        opened("run", tmp_path, photos, method="slic", **options)
