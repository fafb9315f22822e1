"""What is suggested instead of an unknown name."""

import pytest

from spam_pipe.stages.suggestion import did_you_mean, meant_image

DATASETS = ["bsd", "nyuv2", "sbd"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bsdd", "did you mean bsd?"),
        ("NYU", "did you mean nyuv2?"),
        ("bds", "did you mean bsd or sbd?"),
        ("cityscapes", "there are bsd, nyuv2, sbd"),
    ],
)
def test_the_nearest_or_all(name: str, expected: str) -> None:
    assert did_you_mean(name, DATASETS) == expected


def test_something_else_where_nothing_is_near() -> None:
    assert did_you_mean("cityscapes", iter(DATASETS), "write a path") == "write a path"
    assert did_you_mean("bsdd", iter(DATASETS), "write a path") == "did you mean bsd?"
    assert did_you_mean("x", [], "write a path") == "write a path"


def test_case_does_not_matter_and_the_names_own_is_kept() -> None:
    assert did_you_mean("img_0001", ["IMG_0001", "IMG_0002"]) == "did you mean IMG_0001?"


def test_of_many_as_near_one_is_named() -> None:
    assert did_you_mean("00l", ["004", "001", "003"]) == "did you mean 004?"


def test_of_many_images_three_are_named() -> None:
    assert meant_image("x", {"d", "b", "a", "c"}) == "there are a, b, c …"
    assert meant_image("x", {"b", "a"}) == "there are a, b"
    assert meant_image("cart", {"cat", "dog"}) == "did you mean cat?"
