"""Options that decide a method's results."""

from spam_pipe.pipeline.configuration.run_config import RunConfig
from spam_pipe.stages.methods.config import SegmentConfig


def decides_nothing(key: str, config: RunConfig) -> bool:
    """Say whether the option of this dotted key decides nothing of the superpixels' making.

    The proposals' and the prior's options decide where the method keeps to objects, each source
    those that it reads; those of attention, where attention is paid.
    """
    table, _, name = key.partition(".")
    first, _, rest = name.partition(".")
    segment, propose = config.segment, config.propose
    if table == "segment":
        unread = first == "attention" and rest not in {"", "mode", *segment.attention.reads}
        return first not in segment.reads or unread
    if table in {"propose", "prior"}:
        none = table == "prior" and propose.source == "none"
        unread = table == "propose" and first not in {*propose.decisive, "source", "checkpoint"}
        return not segment.uses_prior or none or unread
    return False


def cure_of(key: str, segment: SegmentConfig) -> str:
    """Return the option of the chosen method that goes by the last name of a key; "" for none."""
    own, wanted = segment.own_table, key.rpartition(".")[2]
    fields = getattr(type(getattr(segment, own, None)), "model_fields", {})
    if wanted in fields:
        return f"segment.{own}.{wanted}"
    return f"segment.{wanted}" if key.count(".") > 1 and wanted in segment.reads else ""
