"""Defaults that depend on an image's features: they are set here alone."""

from dataclasses import dataclass

from spam_pipe.stages.clustering.config import ClusteringConfig


@dataclass(frozen=True)
class Balance:
    """Weights and effort as the segmentation uses them; `ClusteringConfig` says what each is.

    The rounds are those of the border relaxation, which it has no option for.

    Deep features know what is texture and what is not. Colours don't: alone, they are smoothed,
    chroma counts for more than light and shade, and borders are held straighter.
    """

    color_weight: float
    chroma_weight: float
    compactness: float
    smoothing: float
    minimum_size: float
    border_weight: float
    iterations: int
    rounds: int


_PAPER = Balance(
    color_weight=0.26,
    chroma_weight=1.0,
    compactness=7.5,
    smoothing=0.0,
    minimum_size=0.15,
    border_weight=0.0,
    iterations=10,
    rounds=0,
)
_COLOR = Balance(
    color_weight=0.33,
    chroma_weight=2.2,
    compactness=8.5,
    smoothing=0.04,
    minimum_size=0.15,
    border_weight=25.0,
    iterations=10,
    rounds=16,
)
_DEEP = Balance(
    color_weight=0.2,
    chroma_weight=1.0,
    compactness=6.0,
    smoothing=0.0,
    minimum_size=0.05,
    border_weight=16.0,
    iterations=10,
    rounds=8,
)


def resolve_balance(config: ClusteringConfig, *, has_deep: bool) -> Balance:
    """Return what the user set, and what suits the features that there are where nothing is."""
    if config.mode == "paper":
        suited = _PAPER
    elif not has_deep:
        suited = _COLOR
    else:
        suited = _DEEP
    return Balance(
        color_weight=_first(config.color_weight, suited.color_weight),
        chroma_weight=_first(config.chroma_weight, suited.chroma_weight),
        compactness=_first(config.compactness, suited.compactness),
        smoothing=_first(config.smoothing, suited.smoothing),
        minimum_size=_first(config.minimum_size, suited.minimum_size),
        border_weight=_first(config.border_weight, suited.border_weight),
        iterations=suited.iterations if config.iterations is None else config.iterations,
        rounds=suited.rounds,
    )


def _first(wanted: float | None, suited: float) -> float:
    return suited if wanted is None else wanted
