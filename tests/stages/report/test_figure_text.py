"""Figures are written alike everywhere."""

import pytest

from spam_pipe.stages.report import figure_text

NAN = float("nan")


def test_an_undefined_figure_is_a_dash() -> None:
    assert figure_text.figure(NAN) == figure_text.count(NAN) == figure_text.seconds(None) == "–"
    assert figure_text.half_interval(NAN, NAN) == figure_text.interval(NAN, NAN) == ""


def test_a_mean_and_its_interval() -> None:
    assert figure_text.figure(0.98765) == "0.988"
    assert figure_text.half_interval(0.9, 0.924) == "±0.012"
    assert figure_text.interval(-0.01, 0.02, "+.3f") == "[-0.010, +0.020]"
    assert figure_text.beside("0.988", "", "±0.012") == "0.988 ±0.012"
    assert [figure_text.signed(value) for value in (-0.01, 0.01)] == ["−0.010", "+0.010"]


@pytest.mark.parametrize(
    ("text", "short"), [("0.123", ".123"), ("±0.012", "±.012"), ("10.500", "10.500"), ("–", "–")]
)
def test_only_a_leading_zero_goes(text: str, short: str) -> None:
    assert figure_text.without_zero(text) == short


def test_counts_images_and_p() -> None:
    assert [figure_text.count(mean) for mean in (100.0, 99.5)] == ["100", "99.5"]
    assert [figure_text.images(*pair) for pair in ((6, 0), (5, 1))] == ["6", "5 of 6"]
    assert [figure_text.p_value(p) for p in (0.0004, 0.031, NAN)] == ["< .001", ".031", "–"]
