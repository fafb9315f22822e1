import math

import numpy as np
import torch

from spam_pipe.stages.train.contour_targets import boundaries, contour_target
from spam_pipe.stages.train.grid_clustering import Clusters, cluster, make_grid, to_cells
from spam_pipe.stages.train.losses import compactness, contour_loss, cross_entropy, reconstruction

ONE = torch.ones(1)
"""What each sample of a batch of one counts."""


def hard_clusters(side, cell):
    """Every pixel wholly in its own cell's superpixel."""
    assignment = torch.zeros(1, side**2, 9, cell**2, dtype=torch.float64)
    assignment[:, :, 4] = 1
    return Clusters(assignment, torch.zeros(1, side**2, 1))


def test_hard_assignment_gives_shares_of_the_cells():
    grid = make_grid(2)
    labels = torch.zeros(1, 4, 4, dtype=torch.int64)
    labels[:, 0, 0] = 1
    restored = reconstruction(labels, hard_clusters(2, 2), grid)[0]
    assert restored[0].tolist() == [0.25, 0.75, 0.75, 0.75]
    assert restored[1:].eq(1).all()


def test_cross_entropy_is_the_mean_surprise_over_annotators():
    grid = make_grid(2)
    labels = torch.zeros(1, 2, 4, 4, dtype=torch.int64)
    labels[:, 0, 0, 0] = 1
    expected = -(math.log(0.25) + 3 * math.log(0.75)) / 16 / 2
    assert math.isclose(
        cross_entropy(labels, hard_clusters(2, 2), grid).item(), expected, rel_tol=1e-12
    )


def test_compactness_of_square_cells():
    """Mean squared distance of a cell's c×c pixels to their centre: (c² - 1) / 6."""
    grid = make_grid(3)
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    positions = to_cells(torch.stack([rows, columns])[None].double(), grid)
    value = compactness(positions, hard_clusters(3, 4), grid).item()
    assert math.isclose(value, (4**2 - 1) / 6, rel_tol=1e-12)


def test_gradients_against_finite_differences():
    torch.manual_seed(0)
    grid = make_grid(2)
    labels = torch.randint(0, 3, (1, 2, 4, 4))
    features = torch.randn(1, 4, 4, 4, dtype=torch.float64, requires_grad=True)

    def loss(x):
        cells = to_cells(x, grid)
        clusters = cluster(cells, grid, 3)
        return cross_entropy(labels, clusters, grid) + compactness(cells[:, :, -2:], clusters, grid)

    assert torch.autograd.gradcheck(loss, (features,))


def test_boundaries_are_two_pixels_thick():
    regions = np.zeros((4, 6), np.uint16)
    regions[:, 3:] = 1
    assert boundaries(regions).all(axis=0).tolist() == [False, False, True, True, False, False]
    assert boundaries(regions).any(axis=0).tolist() == [False, False, True, True, False, False]


def test_contour_targets_follow_the_consensus():
    """Five annotators, two with an edge between columns 3 and 4, one with it further right."""
    regions = np.zeros((5, 3, 12), np.uint16)
    regions[:2, :, 4:] = 1
    regions[2, :, 9:] = 1
    strict = contour_target(regions, 0.4)[1].tolist()
    assert strict == [0, 0, 255, 1, 1, 255, 0, 255, 255, 255, 255, 0]
    lax = contour_target(regions, 0.2)[1].tolist()
    assert lax == [0, 0, 255, 1, 1, 255, 0, 255, 1, 1, 255, 0]


def test_contour_loss_balances_classes_and_ignores():
    target = torch.zeros(1, 4, 4, dtype=torch.uint8)
    target[0, 0, 0] = 1
    target[0, 3] = 255
    logits = torch.zeros(1, 1, 4, 4)
    # At probability one half every pixel's cross-entropy is log 2, whatever the weights.
    assert math.isclose(contour_loss((logits,), target, 1.0, ONE).item(), math.log(2), rel_tol=1e-6)
    wild = logits.clone()
    wild[0, 0, 3] = 50
    assert contour_loss((wild,), target, 1.0, ONE) == contour_loss((logits,), target, 1.0, ONE)
    # One positive among twelve weighs as much as the eleven negatives together.
    missed, alarmed = logits.clone(), logits.clone()
    missed[0, 0, 0, 0] = -50
    alarmed[0, 0, :3][target[0, :3] == 0] = 50
    torch.testing.assert_close(
        contour_loss((missed,), target, 1.0, ONE), contour_loss((alarmed,), target, 1.0, ONE)
    )


def test_side_outputs_see_a_coarser_target():
    target = torch.zeros(1, 5, 5, dtype=torch.uint8)
    target[0, 4, 4] = 1
    full = torch.full((1, 1, 5, 5), -50.0)
    full[0, 0, 4, 4] = 50
    half = torch.full((1, 1, 3, 3), -50.0)
    half[0, 0, 2, 2] = 50
    assert contour_loss((full, half), target, 0.5, ONE).item() < 1e-6
    assert contour_loss((full, -half), target, 0.5, ONE).item() > 20


def test_no_contour_at_all_is_no_nan():
    target = torch.zeros(1, 4, 4, dtype=torch.uint8)
    assert contour_loss((torch.zeros(1, 1, 4, 4),), target, 1.0, ONE).item() == 0
    assert (
        contour_loss((torch.zeros(1, 1, 4, 4),), torch.full_like(target, 255), 1.0, ONE).item() == 0
    )


def test_what_has_no_label_counts_for_nothing():
    """Half of a cell has no label: its other half is one region, so nothing is lost there."""
    grid = make_grid(2)
    labels = torch.zeros(1, 4, 4, dtype=torch.int64)
    labels[:, 0, 0] = 1
    labels[:, 1, :2] = -1
    restored = reconstruction(labels, hard_clusters(2, 2), grid)[0]
    assert restored[0].tolist() == [0.5, 0.5, 0, 0]
    expected = -2 * math.log(0.5) / 14
    loss = cross_entropy(labels[None], hard_clusters(2, 2), grid).item()
    assert math.isclose(loss, expected, rel_tol=1e-6)
    nothing = torch.full_like(labels, -1)[None]
    assert cross_entropy(nothing, hard_clusters(2, 2), grid).item() == 0


def test_contours_of_a_sample_count_what_it_weighs():
    target = torch.zeros(2, 4, 4, dtype=torch.uint8)
    target[:, 1] = 1
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 4, 4)
    one, other = (
        contour_loss((logits,), target, 1.0, torch.tensor(weights))
        for weights in ([1.0, 0.0], [0.0, 1.0])
    )
    both = contour_loss((logits,), target, 1.0, torch.tensor([1.0, 0.25]))
    torch.testing.assert_close(both, one + 0.25 * other)


def test_no_contour_is_wanted_where_nothing_is_known():
    regions = np.zeros((1, 8, 8), np.int32)
    regions[:, :, 4:] = 1
    regions[:, :2, :] = -1
    target = contour_target(regions, 0.2)
    assert (target[:3] == 255).all()
    assert (target[3:, 3:5] == 1).all()
    assert (target[4:, [0, 1, 6, 7]] == 0).all()
