"""Arrays of any kind that scikit-image takes mean what it takes them for."""

import re
import warnings

import numpy as np
import pytest
from skimage.util import img_as_ubyte

import spam_pipe
from spam_pipe.pictures import as_inputs

RAMP = np.linspace(0, 1, 24 * 20 * 3).reshape(24, 20, 3)
INTEGERS = [np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int16, np.int32, np.int64]
FLOATS = [np.float16, np.float32, np.float64, np.longdouble]


def pixels(image: np.ndarray, **options: object) -> np.ndarray:
    given = {"mask": None, "channel_axis": -1, **options}
    colors = as_inputs(image, **given).image  # type: ignore[arg-type]
    assert colors is not None
    return colors


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_integers_in_full_range_are_as_scikit_image_takes_them(kind: type, order: str) -> None:
    image = (RAMP * float(np.iinfo(kind).max) * (1 - 1e-9)).astype(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = pixels(image.astype(image.dtype.newbyteorder(order)))
    expected = img_as_ubyte(image) if kind not in (np.int64, np.uint64) else RAMP * 255
    assert np.abs(made.astype(float) - expected).max() <= 1


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_floats(kind: type, order: str) -> None:
    image = RAMP.astype(kind)
    made = pixels(image.astype(image.dtype.newbyteorder(order)))
    np.testing.assert_array_equal(made, np.rint(image.astype(float) * 255))


@pytest.mark.parametrize("kind", INTEGERS[1:])
def test_integers_that_say_too_little_are_stretched_and_it_is_said(kind: type) -> None:
    image = np.rint(RAMP * 60).astype(kind) - (10 if np.iinfo(kind).min else 0)
    with pytest.warns(UserWarning, match="stretched to all that can be seen"):
        made = pixels(image)
    np.testing.assert_array_equal(made, np.rint(np.rint(RAMP * 60) / 60 * 255))


def test_a_hair_over_one_is_one() -> None:
    image = RAMP.copy()
    image[-1, -1] = 1 + 1e-6
    image[0, 0] = -1e-6
    np.testing.assert_array_equal(pixels(image), np.rint(RAMP * 255))
    image[-1, -1] = 1.01
    with pytest.raises(ValueError, match=r"lies in 0\.\.1"):
        pixels(image)


def test_masked_arrays_keep_their_mask() -> None:
    hidden = np.zeros(RAMP.shape, np.bool_)
    hidden[:6, :, 1] = True
    made = as_inputs(np.ma.MaskedArray(RAMP, hidden), None, -1)
    assert made.valid is not None
    np.testing.assert_array_equal(made.valid, ~hidden.any(axis=2))
    own = np.ones((24, 20), np.bool_)
    own[:, :3] = False
    both = as_inputs(np.ma.MaskedArray(RAMP, hidden), own, -1).valid
    assert both is not None
    np.testing.assert_array_equal(both, ~hidden.any(axis=2) & own)
    labels = np.ma.MaskedArray(np.arange(24 * 20).reshape(24, 20) // 100, hidden[..., 1])
    assert spam_pipe.table(labels)["area"].sum() == 24 * 20 - 120
    figures = spam_pipe.evaluate(labels, ground_truth=np.ma.MaskedArray(labels.data, own))
    assert figures["asa"] == 1.0


@pytest.mark.parametrize(("axis", "shape"), [(-1, (6, 7, 3)), (0, (3, 6, 7)), (1, (6, 3, 7))])
def test_what_messages_say_to_do_can_be_done(axis: int, shape: tuple[int, ...]) -> None:
    image = np.full(shape, 0.5)
    np.moveaxis(image, axis, -1)[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN") as caught:
        pixels(image, channel_axis=axis)
    mask = eval(re.search(r"mask=(.*)$", str(caught.value))[1], {"np": np, "image": image})  # type: ignore[index]
    pixels(image, channel_axis=axis, mask=mask)
    grey = np.full((6, 7), 0.5)
    grey[0] = np.nan
    with pytest.raises(ValueError, match="NaN") as caught:
        pixels(grey, channel_axis=None)
    mask = eval(re.search(r"mask=(.*)$", str(caught.value))[1], {"np": np, "image": grey})  # type: ignore[index]
    pixels(grey, channel_axis=None, mask=mask)
    clear = np.moveaxis(np.full((6, 7, 4), 0.5), -1, axis)
    with pytest.raises(ValueError, match="of RGBA give") as caught:
        pixels(clear, channel_axis=axis)
    found = re.search(r"give (.*), and mask=(.*) to leave", str(caught.value))
    assert found is not None
    color, mask = (eval(each, {"np": np, "image": clear}) for each in found.groups())
    assert pixels(color, channel_axis=axis, mask=mask).shape == (6, 7, 3)


@pytest.mark.parametrize(
    "kind", [*INTEGERS, *FLOATS, np.bool_, ">u2", ">i4", ">f4", ">f8", ">f2", np.uint64]
)
def test_tables_and_graphs_of_any_numbers(kind: type) -> None:
    labels = np.array([[0, 0, 1], [0, 0, 1]])
    image = np.array([[1, 1, 0], [1, 1, 0]]).astype(kind)
    assert spam_pipe.table(labels, image)["mean_gray"].tolist() == [1, 0]
    assert spam_pipe.graph(labels, image)["color_distance"].tolist() == [1]
    turned = labels.astype(">i2")
    assert spam_pipe.table(turned, image)["area"].tolist() == [4, 2]
