"""Scores of a network on validation images."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """Accuracy and regularity on validation images, for each requested count.

    Attributes
    ----------
    counts
        Requested numbers of superpixels.
    asa, gr
        Means over annotators, then images.
    least_gr
        GR that counts as regular enough.
    """

    counts: tuple[int, ...]
    asa: tuple[float, ...]
    gr: tuple[float, ...]
    least_gr: tuple[float, ...]

    @property
    def shortfall(self) -> float:
        """Sum of what GR lacks to the bounds; 0 when all are met."""
        return sum(max(0.0, least - gr) for gr, least in zip(self.gr, self.least_gr, strict=True))

    def better_than(self, other: "Score") -> bool:
        """Compare by mean ASA among the regular, by the lack of regularity among the others."""
        if self.shortfall or other.shortfall:
            return self.shortfall < other.shortfall
        return sum(self.asa) > sum(other.asa)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Score":
        """Take back what `to_dict` returned."""
        return cls(**{name: tuple(value) for name, value in values.items()})
