"""Options of the clustering."""

from typing import Literal

from pydantic import Field

from spam_pipe.stages.base import StageConfig


class ClusteringConfig(StageConfig):
    """The segmentation's options that the algorithm reads."""

    mode: Literal["refined", "paper"] = Field(
        "refined",
        description="refined: hexagonal seeds, border relaxation, exact count; "
        "paper: random seeds, no refinement",
    )
    color_weight: float | None = Field(
        None,
        gt=0,
        description="factor of the Lab colours; by default 0.2 beside deep features, 0.26 in the "
        "paper's mode, more where colour stands alone",
    )
    chroma_weight: float | None = Field(
        None,
        gt=0,
        description="further factor of a and b, which light and shade change less than L; by "
        "default 1 but where colour stands alone",
    )
    smoothing: float | None = Field(
        None,
        ge=0,
        le=1,
        description="standard deviation of a Gaussian over the colours, as a share of sqrt(N/K); "
        "by default only where colour stands alone",
    )
    compactness: float | None = Field(
        None,
        ge=0,
        description="factor of the positions, larger is more regular; by default 6 beside deep "
        "features, 8.5 where colour stands alone, 7.5 in the paper's mode",
    )
    iterations: int | None = Field(
        None,
        ge=1,
        le=100,
        description="passes of the soft clustering, by default 10; with over_seeding as many twice",
    )
    distance_factor: float = Field(
        1.65, gt=0, description="a pixel may join seeds within this many sqrt(N/K) of its own"
    )
    minimum_size: float | None = Field(
        None,
        ge=0,
        le=1,
        description="components below this share of N/K are merged; by default 0.05 where deep "
        "features tell detail from noise, else 0.15",
    )
    over_seeding: float = Field(
        2.0,
        ge=1,
        le=4,
        description="refined: cluster with this many times K first and merge the most alike to K, "
        "from which the clustering starts again; 1 starts once, from even seeds",
    )
    border_weight: float | None = Field(
        None,
        ge=0,
        description="refined: weight of smooth borders; by default 16 beside deep features, "
        "25 where colour stands alone",
    )
    contour_decay: float = Field(
        6.0, ge=0, description="refined: how fast a contour in between takes a neighbour's weight"
    )
    seed: int = Field(0, ge=0, description="seed of the paper mode's random seeds")
    backend: Literal["auto", "numba", "torch"] = Field(
        "auto",
        description="what computes the clustering; auto: numba on the CPU, torch on a GPU",
    )

    def uses_torch(self, device: str) -> bool:
        """Say whether the torch back end clusters on that device."""
        return self.backend == "torch" or (self.backend == "auto" and device != "cpu")
