"""Inference: an image in, deep features and contour probability out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from spam_pipe.stages.networks.base import Network
from spam_pipe.stages.networks.files import find_weights
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.public_checkpoint import load_public_checkpoint
from spam_pipe.stages.networks.surroundings import for_inference, for_loading
from spam_pipe.stages.networks.weights import load_weights

_SIDE = 1184
"""A multiple of every network's stride."""

LARGEST_WHOLE = _SIDE**2
"""An image of more pixels goes through in tiles, of at most `_SIDE` pixels a side."""

_FRAME = 5
"""Pixels at the frame whose contour is that of the nearest pixel farther in."""


class Forward(NamedTuple):
    """What a network says of an image.

    Attributes
    ----------
    deep
        (H, W, C) float32, the deep features F_e.
    contour
        (H, W) float32, contour probability; None from a network without a contour head. The
        frame itself is none, though photographs often have a dark rim there.
    """

    deep: NDArray[np.float32]
    contour: NDArray[np.float32] | None


class DeviceForward(NamedTuple):
    """What a network says of an image, where it was computed.

    Attributes
    ----------
    deep
        (H, W, C) float32 on the encoder's device.
    contour
        (H, W) float32, likewise; None from a network without a contour head.
    """

    deep: Tensor
    contour: Tensor | None

    def to_arrays(self) -> Forward:
        """Return the same in memory."""
        contour = None if self.contour is None else self.contour.cpu().numpy()
        return Forward(self.deep.cpu().numpy(), contour)


@dataclass(frozen=True)
class Encoder:
    """A network ready for inference on a device.

    Attributes
    ----------
    network
        In evaluation mode, batch norms folded.
    device
        Where it computes.
    """

    network: Network
    device: torch.device

    @property
    def takes_positions(self) -> bool:
        """Whether `forward` needs the classical features, which depend on K."""
        return self.network.takes_positions

    def forward(
        self, lab: NDArray[np.float32], classical: NDArray[np.float32] | None = None
    ) -> Forward:
        """Compute an image's deep features and bring them into memory (`forward_on_device`)."""
        return self.forward_on_device(lab, classical).to_arrays()

    def forward_on_device(
        self, lab: NDArray[np.float32], classical: NDArray[np.float32] | None = None
    ) -> DeviceForward:
        """Compute an image's deep features and leave them where they are.

        Parameters
        ----------
        lab
            (H, W, 3) float32, CIELab, of any size from 1×1.
        classical
            (H, W, 5) float32, scaled colours and positions (METHOD.md, section 1); needed where
            `takes_positions`, else not looked at.

        Raises
        ------
        ValueError
            When the image has no pixels, a wrong shape, or holds NaN or infinite values, or
            when the classical features are needed and missing.
        """
        image = as_lab(lab)
        if self.takes_positions:
            if classical is None:
                raise ValueError("this network needs the scaled colours and positions too")
            image = _input(classical, 5, "classical features")
        height, width = image.shape[:2]
        batch = torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0)
        with for_inference(self.device):
            if height * width <= LARGEST_WHOLE:
                ((deep, contour),) = self._predict(batch)
            else:
                deep, contour = self._predict_tiles(batch)
            return _finished(deep, contour)

    def forward_batch(self, labs: Sequence[NDArray[np.float32]]) -> list[DeviceForward]:
        """Compute the deep features of several images in one go.

        They may differ in their last bits from what `forward_on_device` gives for each alone:
        `stages.networks.batching` knows where they do not.

        Parameters
        ----------
        labs
            (H, W, 3) float32, CIELab, all of one size; of a network that takes no positions.

        Raises
        ------
        ValueError
            When the sizes differ, or one of them is not as `forward_on_device` takes it.
        """
        batch = torch.from_numpy(np.stack([as_lab(lab) for lab in labs])).permute(0, 3, 1, 2)
        with for_inference(self.device):
            # Each in memory of its own: one that is kept does not keep the others.
            return [_finished(deep.clone(), contour) for deep, contour in self._predict(batch)]

    def _predict(self, batch: Tensor) -> list[tuple[Tensor, Tensor | None]]:
        prediction = self.network(
            batch.to(self.device).contiguous(memory_format=torch.channels_last)
        )
        if not prediction.contours:
            return [(deep, None) for deep in prediction.deep]
        logits = prediction.contours[0][:, 0]
        return [
            (deep, edges.sigmoid()) for deep, edges in zip(prediction.deep, logits, strict=True)
        ]

    def _predict_tiles(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        height, width = batch.shape[-2:]
        deep: Tensor | None = None
        contour: Tensor | None = None
        reach = self.network.reach
        for rows in _cores(height, reach):
            for columns in _cores(width, reach):
                seen_rows, core_rows = _widen(rows, height, reach)
                seen_columns, core_columns = _widen(columns, width, reach)
                ((tile, edges),) = self._predict(batch[..., seen_rows, seen_columns])
                if deep is None:
                    deep = tile.new_empty(len(tile), height, width)
                    contour = None if edges is None else edges.new_empty(height, width)
                deep[:, rows, columns] = tile[:, core_rows, core_columns]
                if edges is not None and contour is not None:
                    contour[rows, columns] = edges[core_rows, core_columns]
        assert deep is not None
        return deep, contour


def load(name_or_path: str | Path, device: str = "cpu") -> Encoder:
    """Load a network for inference.

    Parameters
    ----------
    name_or_path
        Shipped weights by name, such as ``trunk``; a .safetensors file of this project; or a
        .pth state dict of the public SSN kind.
    device
        A torch device.

    Raises
    ------
    ValueError
        When there are no such weights (the shipped ones are named) or the file cannot be used.
    """
    path = find_weights(name_or_path)
    target = torch.device(device)
    with for_loading():
        network = (
            load_weights(path) if path.suffix == ".safetensors" else load_public_checkpoint(path)
        )
        return Encoder(fold_norms(network).to(target), target)


def _finished(deep: Tensor, contour: Tensor | None) -> DeviceForward:
    kept = deep.permute(1, 2, 0).contiguous()
    return DeviceForward(kept, None if contour is None else _without_frame(contour))


def _without_frame(contour: Tensor) -> Tensor:
    """Continue an (H, W) contour from a little farther in up to the frame.

    The last pixels of a photograph are often darker, which looks like a contour along the frame
    and is none: no annotator of BSD marks one. Contours that run into the frame stay.
    """
    margin = min(_FRAME, (min(contour.shape) - 1) // 2)
    inner = contour[margin : contour.shape[0] - margin, margin : contour.shape[1] - margin]
    return functional.pad(inner[None, None], (margin,) * 4, mode="replicate")[0, 0].contiguous()


def as_lab(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an (H, W, 3) Lab image as `Encoder` takes it.

    Raises
    ------
    ValueError
        When it has no pixels, a wrong shape, or holds NaN or infinite values.
    """
    return _input(image, 3, "Lab image")


def _input(image: NDArray[np.float32], channels: int, name: str) -> NDArray[np.float32]:
    if image.ndim != 3 or image.shape[2] != channels or not image.size:
        raise ValueError(f"{name} of shape {image.shape}; expected (height, width, {channels})")
    if not np.isfinite(image).all():
        raise ValueError(f"{name} holds NaN or infinite values")
    return np.ascontiguousarray(image, dtype=np.float32)


def _cores(length: int, reach: int) -> Iterator[slice]:
    """Cut an axis into the tiles' cores: as far as a tile sees, less what it needs beside."""
    start = 0
    while start < length:
        end = max(start - reach, 0) + _SIDE
        stop = length if end >= length else end - reach
        yield slice(start, stop)
        start = stop


def _widen(core: slice, length: int, reach: int) -> tuple[slice, slice]:
    """Return what a tile sees of an axis, and its core within that.

    Tiles begin at multiples of the network's stride, so that all scales meet the same pixels as
    in the whole image.
    """
    start, stop = max(core.start - reach, 0), min(core.stop + reach, length)
    return slice(start, stop), slice(core.start - start, core.stop - start)
