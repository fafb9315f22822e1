"""A segment-anything model from its checkpoint, built once per process."""

import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from spam_pipe.stages.networks.pickled_tensors import CodeInsteadOfTensorsError, load_pickled

PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Data types by the names of `propose.precision`."""

_WIDTHS = {1280: "vit_h", 1024: "vit_l", 768: "vit_b"}
"""Embedding width of the image encoder, by which a checkpoint tells whose it is."""


def builder(name: str) -> Callable[[], nn.Module]:
    """Return what makes a model of segment-anything (``vit_b`` …) or ``mobile-sam``."""
    if name == "mobile-sam":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it registers models with timm under names that exist
            from mobile_sam import sam_model_registry as models
        return cast(Callable[[], nn.Module], models["vit_t"])
    from segment_anything import sam_model_registry

    return cast(Callable[[], nn.Module], sam_model_registry[name])


@lru_cache(maxsize=1)
def load_sam(
    build: Callable[[], nn.Module], name: str, checkpoint: Path, device: str, precision: str
) -> nn.Module:
    """Build a model and fill it from a checkpoint; no pickled code is ever run.

    Parameters
    ----------
    build
        Makes the model with fresh weights (an entry of ``sam_model_registry``).
    name
        The model's key in the registry, for errors.
    checkpoint
        State dict as `torch.save` wrote it.
    device
        ``cpu`` or ``cuda[:i]``.
    precision
        A key of `PRECISIONS`. Encoder and decoder compute in it; masks are enlarged and cut off
        in float32.

    Raises
    ------
    ValueError
        When the checkpoint is damaged or another model's.
    """
    state = _read(checkpoint)
    model = build()
    expected = model.state_dict()
    if state.keys() != expected.keys() or any(
        state[key].shape != value.shape for key, value in expected.items()
    ):
        raise ValueError(f"{checkpoint}: not a checkpoint of {name}; {_cure(state, name)}")
    model.load_state_dict(state)
    if precision != "float32":
        for part in ("image_encoder", "mask_decoder"):
            setattr(model, part, Reduced(model.get_submodule(part), PRECISIONS[precision]))
    return model.eval().to(device)


def model_of(checkpoint: Path) -> str:
    """Return which of the published models a checkpoint is of, by the width of its encoder.

    ``vit_h``, the largest, where it tells nothing: loading it then says what it is not.

    Raises
    ------
    ValueError
        When the checkpoint is damaged.
    """
    position = _read(checkpoint).get("image_encoder.pos_embed")
    return "vit_h" if position is None else _WIDTHS.get(position.shape[-1], "vit_h")


class Reduced(nn.Module):
    """A module that computes in a lower precision and gives float32.

    Parameters
    ----------
    module
        Converted in place.
    dtype
        The data type of its computation.
    """

    def __init__(self, module: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.module = module.to(dtype)
        self.dtype = dtype
        # The predictor asks an image encoder for its size.
        self.img_size = getattr(module, "img_size", None)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Convert floating-point tensors on the way in and out."""
        results = self.module(
            *(_cast(value, self.dtype) for value in args),
            **{key: _cast(value, self.dtype) for key, value in kwargs.items()},
        )
        if isinstance(results, tuple):
            return tuple(_cast(value, torch.float32) for value in results)
        return _cast(results, torch.float32)


def _cast(value: Any, dtype: torch.dtype) -> Any:
    floating = isinstance(value, Tensor) and value.is_floating_point()
    return value.to(dtype) if floating else value


def _read(checkpoint: Path) -> Mapping[str, Tensor]:
    try:
        state = load_pickled(checkpoint)
    except CodeInsteadOfTensorsError as error:
        raise ValueError(f"{error}; give a state dict as segment-anything publishes it") from error
    except ValueError as error:
        raise ValueError(
            f"{error}: truncated or another kind of file; delete it and fetch or copy it again"
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{checkpoint}: no state dict: expected tensors by name")
    return state


def _cure(state: Mapping[str, Tensor], name: str) -> str:
    position = state.get("image_encoder.pos_embed")
    if position is not None and _WIDTHS.get(position.shape[-1], name) != name:
        found = _WIDTHS[position.shape[-1]]
        return f"it is one of {found}: add --set propose.model={found}"
    return "its tensors have other names or shapes; fetch the right one with `spam-pipe weights`"
