"""Accuracy inside and outside salient objects, for the points of a sweep over attention."""

from collections.abc import Iterator
from typing import Any

from spam_pipe.pipeline.reporting.gathering import Evaluated, Gathered
from spam_pipe.pipeline.running.parts import find_saliency_weights
from spam_pipe.pipeline.runs.segmented import read_segmented
from spam_pipe.pipeline.runs.selection import Selection


def salient_rows(selection: Selection, gathered: Gathered) -> Iterator[dict[str, Any]]:
    """Yield a row per image, method and count, where any method attends to what stands out.

    Salient is what the first such method's source finds in the image, pixel by pixel, whatever
    the method: all are measured in the same places.
    """
    attentive = [
        method for method in gathered.methods if method.config.segment.attention.mode == "visual"
    ]
    if not attentive or gathered.sweep is None:
        return
    from spam_pipe.stages.attention.saliency import find_saliency, threshold_of
    from spam_pipe.stages.colour import rgb_to_lab
    from spam_pipe.stages.report.salient import accuracy_by_place
    from spam_pipe.stages.segment.stored import labels_of

    config = attentive[0].config.segment.attention
    weights = find_saliency_weights(config)
    checkpoint = None if weights is None else weights.read()
    there = {(row["image"], row["config"], row["n_requested"]) for row in gathered.rows}
    swept = [method for method in gathered.methods if method.swept is not None]
    for item in selection:
        if item.annotations is None or not any(item.id == image for image, _, _ in there):
            continue
        image = item.image.read()
        saliency = find_saliency(image, rgb_to_lab(image), config, checkpoint)
        annotations = item.annotations.read()
        for method in swept:
            for count in _counts(method):
                if (item.id, method.key.config, count) in there:
                    labels = labels_of(read_segmented(item, count, method.chain).made)
                    kept = labels >= 0
                    found = accuracy_by_place(
                        labels[kept],
                        [annotation[kept] for annotation in annotations],
                        saliency[kept] > threshold_of(config),
                    )
                    yield {"config": method.key.config, "n_requested": count, **found}


def _counts(method: Evaluated) -> tuple[int, ...]:
    return tuple(unit for unit in method.chain["segment"].units if isinstance(unit, int))
