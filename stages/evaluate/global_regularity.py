"""Global regularity of superpixels: shape regularity times smooth matching."""

from typing import NamedTuple

from spam_pipe.stages.evaluate.regions import Regions
from spam_pipe.stages.evaluate.shape_regularity import shape_regularity
from spam_pipe.stages.evaluate.smooth_matching import smooth_matching


class GlobalRegularity(NamedTuple):
    """Regularity of superpixels, each figure about 0 to 1."""

    gr: float  # global regularity, src · smf
    src: float  # shape regularity criterion
    smf: float  # smooth matching factor
    # values of the first two by Giraud's published C program, to compare with papers that used it:
    # its hull test is inverted and its convexity ratios are multiplied by 0.925
    gr_giraud: float
    src_giraud: float


def global_regularity(components: Regions) -> GlobalRegularity:
    """Measure the regularity of 8-connected superpixels (Giraud, Ta, Papadakis, JEI 2017)."""
    src, src_giraud = shape_regularity(components)
    smf = smooth_matching(components)
    return GlobalRegularity(src * smf, src, smf, src_giraud * smf, src_giraud)
