"""The user's factors: tables and maps as they are read, and what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spam_pipe.pipeline.datasets.user_files.factor_maps import FactorMap, find_map
from spam_pipe.pipeline.datasets.user_files.factor_table import ItemFactors, read_factors
from spam_pipe.pipeline.errors import ConfigError, DataError
from spam_pipe.pipeline.running.parts import find_factors
from spam_pipe.pipeline.session.layers import config_layers, parse_attention
from spam_pipe.pipeline.session.options import Options
from spam_pipe.pipeline.session.preflight import require_known_images
from spam_pipe.stages.attention.config import AttentionConfig
from spam_pipe.stages.attention.user_factors import Click


def write(folder: Path, text: str, name: str = "factors.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def of_file(path: Path, **options: float) -> AttentionConfig:
    return AttentionConfig(mode="file", file=str(path), **options)


def test_a_table_of_clicks_and_one_of_objects(tmp_path: Path) -> None:
    clicks = write(tmp_path, "image,x,y,factor\na,3,4,2\na,5,6,0.5\nb/c.png,0,0,1\n", "c.csv")
    assert ItemFactors(clicks, "a").read().clicks == (Click(3, 4, 2.0), Click(5, 6, 0.5))
    assert ItemFactors(clicks, "b/c").read().clicks == (Click(0, 0, 1.0),)
    assert ItemFactors(clicks, "d").read().clicks == ()
    objects = write(tmp_path, "image,object,factor\na,7,3\na,2,1e-1\n", "o.csv")
    assert ItemFactors(objects, "a").read().objects == ((2, 0.1), (7, 3.0))


def test_masks_are_objects_of_the_user_s_own(tmp_path: Path) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 7
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "m.png")
    text = "image,x,y,mask,factor\na,3,3,,2\na,,,masks/m.png,4\nb,1,1,,2\n"
    source = ItemFactors(write(tmp_path, text), "a")
    said = source.read()
    assert said.clicks == (Click(3, 3, 2.0),)
    np.testing.assert_array_equal(said.drawn[0].mask, mask > 0)
    assert said.drawn[0].factor == 4
    before, digest = source.signature(), source.digest()
    Image.fromarray(mask.T.copy().reshape(4, 6)).save(tmp_path / "masks" / "m.png")
    assert source.digest() != digest
    (tmp_path / "masks" / "m.png").unlink()
    assert ItemFactors(source.path, "b").signature() in before
    with pytest.raises(DataError, match=r"m\.png: cannot be read"):
        source.signature()


def test_clicks_for_a_number_of_superpixels_as_they_are_exported(tmp_path: Path) -> None:
    path = write(tmp_path, "image,number,x,y,k,factor\na,1,3,4,100,2\na,2,9,9,,1\n")
    assert ItemFactors(path, "a").read().clicks == (Click(3, 4, 2.0, 100), Click(9, 9, 1.0))


def test_a_spreadsheet_s_semicolons_mark_and_capitals_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("\ufeffImage; X ;y;Factor\r\na;3;4; 2 \r\n", encoding="utf-8")
    assert ItemFactors(path, "a").read().clicks == (Click(3, 4, 2.0),)


def test_json_rows_are_those_of_a_table(tmp_path: Path) -> None:
    text = (
        '[{"image": "a", "x": 3.9, "y": 4, "factor": 2}, {"image": "a", "object": 1, "factor": 3}]'
    )
    factors = ItemFactors(write(tmp_path, text, "f.json"), "a").read()
    assert (factors.clicks, factors.objects) == ((Click(3, 4, 2.0),), ((1, 3.0),))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("image,x,y,factor\na,1,2,0\n", r"line 2: '0' is no factor: write a number from 0.001"),
        ("image,x,y,factor\na,1,2,-2\n", "line 2: '-2' is no factor"),
        ("image,x,y,factor\na,1,2,nan\n", "line 2: 'nan' is no factor"),
        ("image,x,y,factor\na,1,2,inf\n", "'inf' is no factor"),
        ("image,x,y,factor\na,1,2,\n", "'' is no factor"),
        ('image,x,y,factor\na,1,2,"2,5"\n', "'2,5' is no factor.* such as 2 or 0.5"),
        ("image,x,y,factor\na,1,2,twice\n", "'twice' is no factor"),
        ("image,x,y,factor\na,left,2,2\n", "x is 'left', not a number of pixels"),
        ("image,x,y,factor\na,1,,2\n", "y is '', not a number of pixels"),
        ("image,object,factor\na,sky,2\n", "object is 'sky', not the number of an object"),
        ("image,x,y,k,factor\na,1,2,0,2\n", "k is a number of superpixels, at least 1, not 0"),
        ("image,x,y,factor\n,1,2,2\n", "line 2: no image is named"),
        ("image,x,factor\na,1,2\n", "the column y is missing; its columns are image, x, y, factor"),
        ("x,y,factor\n1,2,2\n", "the column image is missing"),
        ("image,x,y\na,1,2\n", "the column factor is missing"),
        ("", "the column factor and image is missing"),
        ("image,x,y,factr\na,1,2,2\n", "no such column as 'factr'"),
        ("image,x,y,object,factor\na,1,2,3,2\n", "either x and y, an object or a mask"),
        ("image,mask,object,factor\na,m.png,3,2\n", "either x and y, an object or a mask"),
        ("image,object,factor\na,3,2\na,3,1\n", "line 3: object 3 of a has a factor already"),
        ("image,x,y,factor\na,1,2,2,9\n", "line 2: has more cells than"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=complaint) as caught:
        read_factors(path, "")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not JSON"),
        ('{"a": 1}', r'not factors; write \[\{"image"'),
        ('[{"image": "a", "x": 1, "y": 2}]', "entry 1: the column factor is missing"),
        ('[{"image": "a", "x": 1, "y": 2, "factor": true}]', "'True' is no factor"),
        ('[{"image": "a", "x": [1], "y": 2, "factor": 2}]', "x is"),
    ],
)
def test_what_is_wrong_with_json_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        read_factors(write(tmp_path, text, "f.json"), "")


def test_an_npy_map_holds_the_factors(tmp_path: Path) -> None:
    factors = np.float32([[1, 2], [0.5, 1]])
    np.save(tmp_path / "a.npy", factors)
    read = FactorMap(tmp_path / "a.npy", 2.5).read().pixels
    assert read is not None
    assert np.array_equal(read, factors)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "1"])
def test_a_png_map_is_painted_from_black_to_white(tmp_path: Path, mode: str) -> None:
    grey = np.uint8([[0, 255]])
    picture = (
        Image.fromarray(grey.astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(grey).convert(mode)
    )
    picture.save(tmp_path / "a.png")
    read = FactorMap(tmp_path / "a.png", 3.0).read().pixels
    assert read is not None
    assert read.tolist() == [[1.0, 3.0]]


@pytest.mark.parametrize(
    ("factors", "complaint"),
    [
        (np.array([[1.0, 0.0]]), "0 at x = 1, y = 0 is no factor"),
        (np.array([[1.0], [np.nan]]), "nan at x = 0, y = 1 is no factor"),
        (np.ones(3), r"is \(H, W\), this one is \(3,\)"),
        (np.ones((0, 3)), r"this one is \(0, 3\)"),
        (np.array([["a"]]), "holds no numbers"),
    ],
)
def test_what_is_wrong_with_an_npy_map(tmp_path: Path, factors: np.ndarray, complaint: str) -> None:
    np.save(tmp_path / "a.npy", factors)
    with pytest.raises(DataError, match=complaint):
        FactorMap(tmp_path / "a.npy", 2.5).read()


def test_what_is_wrong_with_a_png_map(tmp_path: Path) -> None:
    Image.new("RGB", (3, 2), "red").save(tmp_path / "a.png")
    with pytest.raises(DataError, match="in colour; a map of factors is grey"):
        FactorMap(tmp_path / "a.png", 2.5).read()
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="not a PNG that can be read"):
        FactorMap(tmp_path / "b.png", 2.5).read()


def test_maps_belong_to_the_images_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.npy", "deep/b.npy"):
        np.save(tmp_path / name, np.ones((2, 2)))
    assert find_map(tmp_path, "a", 2.5) == FactorMap(tmp_path / "a.npy", 2.5)
    assert find_map(tmp_path, "deep/b", 2.5) == FactorMap(tmp_path / "deep/b.npy", 2.5)
    assert find_map(tmp_path, "c", 2.5) is None
    assert find_map(tmp_path / "a.npy", "a", 2.5) is not None
    assert find_map(tmp_path / "a.npy", "deep/b", 2.5) is None
    with pytest.raises(DataError, match="leads out"):
        find_map(tmp_path, "../a", 2.5)
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.npy and a\.png are both for 'a'; keep one"):
        find_map(tmp_path, "a", 2.5)


def test_images_that_are_not_there_are_named_with_the_nearest(tmp_path: Path) -> None:
    known = ["cat", "dog", "deep/bird"]
    good = write(tmp_path, "image,x,y,factor\ncat,1,1,2\ndeep/bird.jpg,1,1,2\n")
    require_known_images(of_file(good), known)
    with pytest.raises(DataError, match="no image 'cart'; did you mean cat"):
        require_known_images(of_file(write(tmp_path, "image,object,factor\ncart,1,2\n")), known)
    with pytest.raises(DataError, match="no image 'zebra'; there are cat, deep/bird, dog"):
        require_known_images(of_file(write(tmp_path, "image,object,factor\nzebra,1,2\n")), known)
    with pytest.raises(DataError, match="says nothing of any image"):
        require_known_images(of_file(write(tmp_path, "image,object,factor\n")), known)
    (tmp_path / "maps").mkdir()
    np.save(tmp_path / "maps" / "dog.npy", np.ones((2, 2)))
    require_known_images(of_file(tmp_path / "maps"), known)
    np.save(tmp_path / "maps" / "log.npy", np.ones((2, 2)))
    with pytest.raises(DataError, match="no image 'log'; did you mean dog"):
        require_known_images(of_file(tmp_path / "maps"), known)
    require_known_images(AttentionConfig(mode="visual"), [])


def test_only_what_a_table_says_of_an_image_is_its_input(tmp_path: Path) -> None:
    config = of_file(write(tmp_path, "image,x,y,factor\na,1,1,2\nb,1,1,2\n"))
    before = {name: find_factors(config, name) for name in "abc"}
    digests = {name: source.digest() for name, source in before.items() if source is not None}
    assert sorted(digests) == ["a", "b"]
    write(tmp_path, "image,x,y,factor\nb,1,1,2.5\na,1,1,2\n")
    after = {name: find_factors(config, name) for name in "abc"}
    assert after["a"] is not None
    assert after["b"] is not None
    assert after["a"].digest() == digests["a"]
    assert after["b"].digest() != digests["b"]
    assert after["c"] is None


def test_the_option_is_a_mode_or_a_file_that_is_there(tmp_path: Path) -> None:
    assert parse_attention("none") == {"mode": "none"}
    assert parse_attention("visual") == {"mode": "visual"}
    path = write(tmp_path, "")
    assert parse_attention(str(path)) == {"mode": "file", "file": str(path)}
    with pytest.raises(ConfigError, match="did you mean visual"):
        parse_attention("visul")
    other = write(tmp_path, "", "factors.txt")
    with pytest.raises(DataError, match=r"factors are a \.csv or \.json file"):
        find_factors(of_file(other), "a")


@pytest.mark.parametrize("option", ["dataset", "masks", "ground_truth", "valid", "attention"])
def test_a_home_folder_that_is_not_there_is_said(option: str) -> None:
    flag = "--" + option.replace("_", "-")
    with pytest.raises(DataError, match=f"^{flag} ~nobody-here/a: there is no such home folder"):
        list(config_layers(Options(**{option: "~nobody-here/a"})))
