"""The forward in torch, on any of its devices."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from spam_pipe.stages.networks.base import Network
from spam_pipe.stages.networks.folding import fold_norms
from spam_pipe.stages.networks.forward import FRAME, Encoder, Forward, goes_whole, tiles
from spam_pipe.stages.networks.public_checkpoint import load_public_checkpoint
from spam_pipe.stages.networks.surroundings import for_inference, for_loading
from spam_pipe.stages.networks.weights import load_weights


class DeviceForward(NamedTuple):
    """A network's result for an image, on the device that computed it."""

    deep: Tensor  # (H, W, C) float32 on the encoder's device
    contour: Tensor | None  # (H, W) float32, likewise; None from a network without a contour head

    def to_arrays(self) -> Forward:
        """Return the same in memory."""
        contour = None if self.contour is None else self.contour.cpu().numpy()
        return Forward(self.deep.cpu().numpy(), contour)


@dataclass(frozen=True)
class TorchEncoder(Encoder):
    """A network that torch computes."""

    network: Network  # in evaluation mode, batch norms folded
    device: torch.device  # where it computes

    @property
    def takes_positions(self) -> bool:
        """Whether `forward` needs the classical features, which depend on K."""
        return self.network.takes_positions

    def forward_on_device(
        self, lab: NDArray[np.float32], classical: NDArray[np.float32] | None = None
    ) -> DeviceForward:
        """Compute an image's deep features: see `Encoder`."""
        image = self.input_of(lab, classical)
        batch = torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0)
        with for_inference(self.device):
            if goes_whole(image.shape[:2]):
                deep, contour = self._predict(batch)
            else:
                deep, contour = self._predict_tiles(batch)
            return _finished(deep, contour)

    def _predict(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        prediction = self.network(
            batch.to(self.device).contiguous(memory_format=torch.channels_last)
        )
        contour = prediction.contours[0][0, 0].sigmoid() if prediction.contours else None
        return prediction.deep[0], contour

    def _predict_tiles(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        height, width = batch.shape[-2:]
        deep: Tensor | None = None
        contour: Tensor | None = None
        for seen, core, place in tiles((height, width), self.network.reach):
            tile, edges = self._predict(batch[(..., *seen)])
            if deep is None:
                deep = tile.new_empty(len(tile), height, width)
                contour = None if edges is None else edges.new_empty(height, width)
            deep[(slice(None), *place)] = tile[(slice(None), *core)]
            if edges is not None and contour is not None:
                contour[place] = edges[core]
        assert deep is not None
        return deep, contour


def load_torch(path: Path, device: str) -> TorchEncoder:
    """Load a network from a .safetensors file of this project or a public .pth state dict.

    Raises
    ------
    ValueError
        When the file cannot be used.
    """
    target = torch.device(device)
    with for_loading():
        return TorchEncoder(fold_norms(load_network(path)).to(target), target)


def load_network(path: Path) -> Network:
    """Read the network of a file (`load_torch`)."""
    if path.suffix == ".onnx":
        raise ValueError(
            f"{path}: torch reads no ONNX: give the .safetensors file that it was exported from, "
            "or engine=onnxruntime"
        )
    return load_weights(path) if path.suffix == ".safetensors" else load_public_checkpoint(path)


def _finished(deep: Tensor, contour: Tensor | None) -> DeviceForward:
    kept = deep.permute(1, 2, 0).contiguous()
    return DeviceForward(kept, None if contour is None else _without_frame(contour))


def _without_frame(contour: Tensor) -> Tensor:
    """Continue an (H, W) contour from a little farther in up to the frame."""
    margin = min(FRAME, (min(contour.shape) - 1) // 2)
    inner = contour[margin : contour.shape[0] - margin, margin : contour.shape[1] - margin]
    return functional.pad(inner[None, None], (margin,) * 4, mode="replicate")[0, 0].contiguous()
