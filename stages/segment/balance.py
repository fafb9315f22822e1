"""The weights between colour, position and smooth borders: the one place that sets defaults."""

from dataclasses import dataclass

from stages.segment.config import SegmentConfig


@dataclass(frozen=True)
class Balance:
    """Weights as the segmentation uses them; `SegmentConfig` says what each is.

    Deep features know what is texture and what is not, colours don't: alone, they are smoothed,
    then weigh more, and borders are held straighter.
    """

    color_weight: float
    smoothing: float
    border_weight: float


_PAPER = Balance(color_weight=0.26, smoothing=0.0, border_weight=0.0)
_COLOR = Balance(color_weight=0.4, smoothing=0.05, border_weight=15.0)
_DEEP = Balance(color_weight=0.26, smoothing=0.0, border_weight=6.0)
_DEEP_WITH_CONTOUR = Balance(color_weight=0.26, smoothing=0.0, border_weight=20.0)


def resolve_balance(config: SegmentConfig, *, has_deep: bool, has_contour: bool) -> Balance:
    """Return what the user set, and what suits the features that there are where nothing is."""
    if config.mode == "paper":
        suited = _PAPER
    elif not has_deep:
        suited = _COLOR
    else:
        suited = _DEEP_WITH_CONTOUR if has_contour else _DEEP
    return Balance(
        color_weight=_first(config.color_weight, suited.color_weight),
        smoothing=_first(config.smoothing, suited.smoothing),
        border_weight=_first(config.border_weight, suited.border_weight),
    )


def _first(wanted: float | None, suited: float) -> float:
    return suited if wanted is None else wanted
