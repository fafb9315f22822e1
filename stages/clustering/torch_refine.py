"""Border relaxation on a torch device: `stages.clustering.relax_borders` in tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

_REACH = 3
_SPAN = 2 * _REACH + 1
_CENTER = _SPAN * _REACH + _REACH
_EMPTY = -1
_BLOCK = 65536
"""Pixels whose windows are looked at a time: 50 MB of indices and labels."""


@dataclass(frozen=True)
class _Frames:
    """Maps of several images, one behind the other, each in a frame as wide as a window reaches."""

    places: Tensor  # (N,) int64 place of each pixel among the framed ones
    widths: Tensor  # (N,) int64 framed width of each pixel's map: the step from row to row
    size: int  # framed pixels in all

    def put(self, values: Tensor, outside: int) -> Tensor:
        """Frame (N,) values."""
        framed = values.new_full((self.size,), outside)
        framed[self.places] = values
        return framed

    def around(self, pixels: Tensor, reach: int) -> Tensor:
        """Return the places of the square windows around (n,) pixels, (n, (2 * reach + 1)^2)."""
        offsets = torch.arange(-reach, reach + 1, device=pixels.device)
        down = offsets.repeat_interleave(offsets.numel())
        across = offsets.repeat(offsets.numel())
        steps = self.widths.index_select(0, pixels)[:, None] * down + across
        return self.places.index_select(0, pixels)[:, None] + steps


class Pixels(NamedTuple):
    """Maps one behind the other, N pixels in all; they have no label in common."""

    labels: Tensor  # (N,) int64 in 0..K-1; -1 outside
    features: Tensor  # (N, D) float32, the position in the last two channels
    objects: Tensor  # (N,) objects, 0 = uncertain
    contour: Tensor | None = None  # (N,) float32 in 0..1


class Superpixels(NamedTuple):
    """The superpixels that pixels are compared with."""

    means: Tensor  # (K, D) floating
    owners: Tensor  # (K,) object of each
    # (K,) float32 weight of one pixel of the window, the same for all superpixels of a map
    smoothness: Tensor
    # (K,) floating factor of each superpixel's squared spatial distance; 1 where absent
    spatial_factor: Tensor | None = None


def relax_borders(
    pixels: Pixels,
    shapes: Sequence[tuple[int, int]],
    superpixels: Superpixels,
    *,
    contour_decay: float = 6.0,
    rounds: int = 8,
) -> Tensor:
    """Let border pixels follow the labels around them where the features agree.

    `stages.clustering.relax_borders` says what a round does, and the options.

    Parameters
    ----------
    pixels, superpixels
        All tensors on one device.
    shapes
        Height and width of each map.

    Returns
    -------
    (N,) int64.
    """
    labels, features, objects, contour = pixels
    frames = _frame(shapes, labels.device)
    present = frames.put(labels, _EMPTY)
    # exp(-decay * max(0, m - e)) = min(1, g(m) / g(e)), with g = exp(-decay * e).
    transparency = None if contour is None else frames.put(torch.exp(-contour_decay * contour), 0)
    factors = superpixels.spatial_factor
    factors = torch.ones_like(superpixels.smoothness) if factors is None else factors.float()
    compared = superpixels._replace(means=superpixels.means.float(), spatial_factor=factors)
    stirred = torch.arange(labels.numel(), device=labels.device)
    for _ in range(rounds):
        moved, chosen = [], []
        for candidates in torch.split(stirred, _BLOCK):
            border = _on_border(candidates, present, frames)
            own = present.index_select(0, frames.places.index_select(0, border))
            best = _best_labels(
                frames.around(border, _REACH),
                features.index_select(0, border),
                objects.index_select(0, border),
                present,
                transparency,
                compared,
            )
            changed = best != own
            moved.append(border[changed])
            chosen.append(best[changed])
        changes = torch.cat(moved)
        if changes.numel() == 0:
            break
        present[frames.places[changes]] = torch.cat(chosen)
        stirred = _stirred(changes, frames)
    return present.index_select(0, frames.places)


def _frame(shapes: Sequence[tuple[int, int]], device: torch.device) -> _Frames:
    places, widths = [], []
    size = 0
    for height, width in shapes:
        framed = width + 2 * _REACH
        rows = torch.arange(_REACH, height + _REACH, device=device)
        columns = torch.arange(_REACH, width + _REACH, device=device)
        places.append((size + rows[:, None] * framed + columns).reshape(-1))
        widths.append(torch.full_like(places[-1], framed))
        size += framed * (height + 2 * _REACH)
    return _Frames(torch.cat(places), torch.cat(widths), size)


def _on_border(pixels: Tensor, present: Tensor, frames: _Frames) -> Tensor:
    """Keep the pixels that have another label among their 8 neighbours."""
    around = _look(present, frames.around(pixels, 1))
    own = around[:, 4, None]
    apart = (around != own) & (around != _EMPTY) & (own != _EMPTY)
    return pixels[apart.any(dim=1)]


def _stirred(moved: Tensor, frames: _Frames) -> Tensor:
    """List the pixels with one that moved in their window: others would decide as they did."""
    stirred = torch.zeros(frames.size, dtype=torch.bool, device=moved.device)
    for pixels in torch.split(moved, _BLOCK):
        stirred[frames.around(pixels, _REACH)] = True
    return stirred[frames.places].nonzero().squeeze(1)


def _look(framed: Tensor, windows: Tensor) -> Tensor:
    return framed.index_select(0, windows.view(-1)).view(windows.shape)


def _best_labels(
    windows: Tensor,
    features: Tensor,
    objects: Tensor,
    present: Tensor,
    transparency: Tensor | None,
    superpixels: Superpixels,
) -> Tensor:
    """Return the best label of the (n, 49) windows, weighing one label of each at a time."""
    means, owners, smoothness, factors = superpixels
    assert factors is not None
    left = _look(present, windows)
    weights = None if transparency is None else _visibility(_look(transparency, windows))
    label = left[:, _CENTER]
    best = label.clone()
    least = torch.full_like(features[:, 0], torch.inf)
    rows = torch.arange(label.numel(), device=label.device)
    # The own label comes first, so that ties keep it; each leaves its window once weighed.
    while rows.numel():
        same = left == label[:, None]
        support = same.sum(dim=1) if weights is None else (weights * same).sum(dim=1)
        squared = (features - means.index_select(0, label)).square()
        spatial = factors.index_select(0, label) * squared[:, -2:].sum(dim=1)
        smooth = smoothness.index_select(0, label) * support
        cost = squared[:, :-2].sum(dim=1) + spatial - smooth
        allowed = (objects == 0) | (owners.index_select(0, label) == objects)
        better = allowed & (cost < least.index_select(0, rows))
        best[rows[better]] = label[better]
        least[rows[better]] = cost[better]
        left = left.masked_fill(same, _EMPTY)
        label = left.amax(dim=1)
        kept = (label != _EMPTY).nonzero().squeeze(1)
        rows, label, left, features, objects = (
            part.index_select(0, kept) for part in (rows, label, left, features, objects)
        )
        weights = None if weights is None else weights.index_select(0, kept)
    return best


def _visibility(views: Tensor) -> Tensor:
    """Weigh the pixels of (n, 49) windows by the contours between them and the central one."""
    one_third, two_thirds = (_on_the_way(thirds, views.device) for thirds in (1, 2))
    on_the_way = torch.minimum(views.index_select(1, one_third), views.index_select(1, two_thirds))
    through = torch.minimum(views, on_the_way)
    return (through / views[:, _CENTER, None].clamp(min=1e-30)).clamp(max=1)


def _on_the_way(thirds: int, device: torch.device) -> Tensor:
    """Return, for each pixel of a window, the one so many thirds of the way to it."""
    steps = torch.round(torch.arange(-_REACH, _REACH + 1) * thirds / 3).long() + _REACH
    return (steps[:, None] * _SPAN + steps).reshape(-1).to(device)
