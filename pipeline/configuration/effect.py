"""Options that decide a method's results."""

from spam_pipe.stages.clustering.config import ClusteringConfig
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.methods.names import METHODS, NESTED
from spam_pipe.stages.prior.config import CutConfig

OF_SPAM = {*ClusteringConfig.model_fields, "network", "weights"} - {"seed"}
"""Options of the segmentation that the project's own method alone reads."""


def own_table(segment: SegmentConfig) -> str:
    """Return the name of the table of options that the chosen method has, if it has one."""
    return segment.resolved.method.partition(":")[0].replace("-", "_")


def of_another(key: str, segment: SegmentConfig) -> bool:
    """Say whether a dotted key is in the table of another method than the chosen one."""
    table, _, name = key.partition(".")
    tables = {method.replace("-", "_") for method in METHODS}
    return table == "segment" and name.partition(".")[0] in tables - {own_table(segment)}


def decides_nothing(key: str, segment: SegmentConfig) -> bool:
    """Say whether the option of this dotted key decides nothing of what the chosen method makes."""
    table, _, name = key.partition(".")
    if key in {"propose.source", "propose.masks"}:
        return not segment.uses_prior
    if table != "segment":
        return False
    first = name.partition(".")[0]
    of_spam = first in OF_SPAM and segment.resolved.method not in {"spam", *NESTED}
    of_cut = first in CutConfig.model_fields and not segment.uses_prior
    return of_another(key, segment) or of_spam or of_cut
