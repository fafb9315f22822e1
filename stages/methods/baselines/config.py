"""Options of the methods to compare with; each one's own defaults."""

from pydantic import Field

from spam_pipe.stages.base import StageConfig


class NestedConfig(StageConfig):
    """Options of spam-nested (`stages.hierarchy`), beside those of spam."""

    finest: int = Field(
        1000, ge=1, description="superpixels of the finest level, the largest K that there is"
    )


class SlicConfig(StageConfig):
    """`--method slic` (Achanta et al., 2012), scikit-image's."""

    compactness: float = Field(10.0, gt=0, description="larger is more regular")


class SlicWardConfig(StageConfig):
    """Options of Ward's hierarchy of SLIC's superpixels."""

    finest: int = Field(
        1400, ge=1, description="superpixels that SLIC is asked for; it makes a fifth fewer"
    )
    compactness: float = Field(10.0, gt=0, description="SLIC's: larger is more regular")


class MaskSlicConfig(StageConfig):
    """`--method maskslic` (Irving, 2016), scikit-image's, object by object."""

    compactness: float = Field(10.0, gt=0, description="larger is more regular")


class FelzenszwalbConfig(StageConfig):
    """`--method felzenszwalb` (Felzenszwalb and Huttenlocher, 2004), scikit-image's."""

    sigma: float = Field(0.8, ge=0, description="standard deviation of the smoothing, in pixels")
    min_size: int = Field(20, ge=1, description="smaller components are merged, in pixels")


class WatershedConfig(StageConfig):
    """`--method watershed` (compact watershed: Neubert and Protzel, 2014), scikit-image's."""

    compactness: float = Field(
        0.0, ge=0, description="larger is more regular; 0 is the classical watershed"
    )


class QuickshiftConfig(StageConfig):
    """`--method quickshift` (Vedaldi and Soatto, 2008), scikit-image's."""

    kernel_size: float = Field(
        5.0, gt=0, description="standard deviation of the density's kernel, in pixels"
    )
    ratio: float = Field(1.0, ge=0, le=1, description="weight of colour against position")


class SlicCvConfig(StageConfig):
    """`--method slic-cv`, OpenCV's SLIC."""

    ruler: float = Field(10.0, gt=0, description="larger is more regular")


class MslicConfig(StageConfig):
    """`--method mslic` (manifold SLIC: Liu et al., 2016), OpenCV's."""

    ruler: float = Field(10.0, gt=0, description="larger is more regular")


class SeedsConfig(StageConfig):
    """`--method seeds` (Van den Bergh et al., 2015), OpenCV's."""

    levels: int = Field(
        3, ge=1, le=8, description="block levels: more are more accurate, but fit fewer counts"
    )
    prior: int = Field(2, ge=0, le=5, description="smoothing of shapes, larger is more regular")
    histogram_bins: int = Field(5, ge=1, le=64, description="bins of a colour channel")


class LscConfig(StageConfig):
    """`--method lsc` (linear spectral clustering: Li and Chen, 2015), OpenCV's."""

    ratio: float = Field(0.075, gt=0, description="larger is more regular")


class SnicConfig(StageConfig):
    """`--method snic` (Achanta and Süsstrunk, 2017)."""

    compactness: float = Field(10.0, gt=0, description="the paper's m: larger is more regular")
