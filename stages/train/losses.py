"""The training's losses: label reconstruction, compactness, contours (METHOD.md, section 7)."""

import torch
from torch import Tensor
from torch.nn import functional

from spam_pipe.stages.train.contour_targets import IGNORED, VOID
from spam_pipe.stages.train.grid_clustering import Clusters, Grid, mean_of, spread, to_cells


def reconstruction(labels: Tensor, clusters: Clusters, grid: Grid) -> Tensor:
    """Return the share of each pixel's own label that its superpixels give back.

    The label of a pixel becomes a distribution by superpixel (the assignment-weighted mean) and
    comes back through the pixel's own assignment. The mean over pixels is a soft ASA.

    Parameters
    ----------
    labels
        (B, H, W) int64, regions of one annotator, small numbers; `VOID` counts for nothing.
    clusters, grid
        A soft assignment of the same pixels.

    Returns
    -------
    (B, S², P) in 0..1; 0 where the label is `VOID`.
    """
    assignment = clusters.assignment
    cells = to_cells(labels.unsqueeze(1), grid).squeeze(2)
    classes = torch.arange(max(int(labels.max()), 0) + 1, device=labels.device)
    members = (cells.unsqueeze(2) == classes[:, None]).to(assignment.dtype)
    means = mean_of(members, assignment, grid)
    if bool((labels == VOID).any()):  # then they sum to what of a superpixel has a label
        means = means / means.sum(dim=2, keepdim=True).clamp_min(1e-6)
    return ((spread(means, grid) @ members) * assignment).sum(dim=2)


def cross_entropy(labels: Tensor, clusters: Clusters, grid: Grid) -> Tensor:
    """Return the mean cross-entropy of reconstructed labels.

    Parameters
    ----------
    labels
        (B, A, H, W) int64, regions of A annotators; pixels of `VOID` are left out.
    """
    annotators = labels.unbind(dim=1)
    losses = [_surprise(reconstruction(one, clusters, grid), one, grid) for one in annotators]
    return torch.stack(losses).mean()


def compactness(positions: Tensor, clusters: Clusters, grid: Grid) -> Tensor:
    """Return the mean squared distance of pixels to the superpixels they are softly assigned to.

    Parameters
    ----------
    positions
        (B, S², 2, P), in any unit (`to_cells`).
    """
    assignment = clusters.assignment
    centres = spread(mean_of(positions, assignment, grid), grid)
    squared = (
        positions.square().sum(dim=2, keepdim=True)
        - 2 * (centres @ positions)
        + centres.square().sum(dim=3, keepdim=True)
    )
    return (assignment * squared).sum(dim=2).mean()


def contour_loss(
    logits: tuple[Tensor, ...], target: Tensor, side_weight: float, weights: Tensor
) -> Tensor:
    """Return the class-balanced cross-entropy of contour logits (HED, ICCV 2015).

    Parameters
    ----------
    logits
        (B, 1, H, W) first, then the side outputs at half, a quarter … of the resolution.
    target
        (B, H, W) uint8: 1 contour, 0 none, 255 ignored.
    side_weight
        Weight of each side output.
    weights
        (B,) what each sample counts.
    """
    total = _balanced(logits[0].squeeze(1), target, weights)
    for side in logits[1:]:
        target = _halve(target)
        total = total + side_weight * _balanced(side.squeeze(1), target, weights)
    return total


def _surprise(probability: Tensor, labels: Tensor, grid: Grid) -> Tensor:
    known = to_cells(labels.unsqueeze(1), grid).squeeze(2) != VOID
    return -(probability.clamp_min(1e-6).log() * known).sum() / known.sum().clamp_min(1)


def _balanced(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    positive = (target == 1).to(logits.dtype)
    negative = (target == 0).to(logits.dtype)
    share = positive.sum() / (positive.sum() + negative.sum()).clamp_min(1)
    weight = positive * (1 - share) + negative * share
    losses = functional.binary_cross_entropy_with_logits(logits, positive, reduction="none")
    counted = weight * weights[:, None, None]
    return (counted * losses).sum() / weight.sum().clamp_min(1e-6)


def _halve(target: Tensor) -> Tensor:
    """Shrink by two: a contour wherever one of the four is, else ignored wherever one is."""
    rank = torch.where(target == 1, 2.0, torch.where(target == IGNORED, 1.0, 0.0))
    coarse = functional.max_pool2d(rank.unsqueeze(1), 2, ceil_mode=True).squeeze(1)
    codes = torch.tensor([0, IGNORED, 1], dtype=torch.uint8, device=target.device)
    return codes[coarse.long()]
