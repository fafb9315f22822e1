"""The first stage: image → proposals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from spam_pipe.stages.base import Count, Inputs, Output
from spam_pipe.stages.deferred import BLOCK_PIXELS, recipe
from spam_pipe.stages.propose.config import ProposeConfig
from spam_pipe.stages.propose.sources import Source, load_source
from spam_pipe.stages.validity import filled_inputs


class ProposeStage:
    """Ask one source for an image's proposals.

    Output arrays: of masks ``counts``, ``offsets``, ``size``, ``area``, ``score`` (see
    `RunLengths`); of a partition ``regions``, ``parents``, ``altitudes`` (see `Partition`);
    ``contour`` uint8 = 255 × probability where the source knows one. Attributes: ``source``,
    and ``n_masks`` or ``n_regions``. Of a large image there may be no arrays but the attribute
    ``by_blocks``: see `stages.segment.large.window_prior`.
    """

    def setup(self, config: ProposeConfig, device: str) -> tuple[Source, Any]:
        """Import the source and build its models."""
        source = load_source(config.source)
        return source, source.setup(config, device)

    def run(
        self,
        inputs: Inputs,
        config: ProposeConfig,
        resources: tuple[Source, Any],
        units: Sequence[Count],
    ) -> Iterator[Output]:
        """Yield the image's proposal.

        Raises
        ------
        ValueError
            When the masks are of another size than the image, or the source cannot propose.
        """
        assert inputs.image is not None
        source, needed = resources
        attributes: dict[str, Any] = {"source": config.source}
        height, width = inputs.image.shape[:2]
        if is_deferred(height * width, config):
            yield Output(attributes=attributes | recipe("propose", config))
            return
        proposal = source.propose(filled_inputs(inputs), config, needed)
        if proposal.masks is not None:
            if proposal.masks.size != (height, width):
                found = "×".join(map(str, proposal.masks.size))
                raise ValueError(
                    f"the masks are {found} but the image is {height}×{width} "
                    "(height × width): give masks that belong to this image"
                )
            attributes["n_masks"] = len(proposal.masks)
        if proposal.partition is not None:
            attributes["n_regions"] = (len(proposal.partition.parents) + 1) // 2
        yield Output(proposal.to_arrays(), attributes)


def is_deferred(n_pixels: int, config: ProposeConfig) -> bool:
    """Say whether an image's proposals are to be made window by window, when it is segmented.

    A map of contours with its hierarchy takes seventy bytes a pixel.

    Raises
    ------
    ValueError
        When the image is too large for them, and windows can't make them either.
    """
    if n_pixels <= BLOCK_PIXELS or not {"contour", "gradient"} & {*config.sources}:
        return False
    if len(config.sources) > 1:
        raise ValueError(
            f"{config.source} divides whole masks by contours, which is too much for "
            f"{n_pixels:,} pixels (at most {BLOCK_PIXELS:,}): use --prior {config.sources[0]} or "
            "contour"
        )
    return True
