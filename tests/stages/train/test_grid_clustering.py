import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spam_pipe.stages.train.grid_clustering import cluster, from_cells, make_grid, to_cells


def brute_force(features, side, iterations):
    """Cluster pixel by pixel; features (D, H, W). Returns the assignment as (S², H, W)."""
    height, width = features.shape[1:]
    cell_rows = torch.arange(height) * side // height
    cell_columns = torch.arange(width) * side // width
    numbers = cell_rows[:, None] * side + cell_columns
    means = torch.stack([features[:, numbers == k].mean(dim=1) for k in range(side**2)])
    assignment = torch.zeros(0)
    for iteration in range(iterations):
        if iteration:
            weights = assignment.flatten(1)
            means = weights @ features.flatten(1).T / weights.sum(1, keepdim=True)
        assignment = torch.zeros(side**2, height, width, dtype=features.dtype)
        for row in range(height):
            for column in range(width):
                near = [
                    k
                    for k in range(side**2)
                    if abs(k // side - cell_rows[row]) <= 1
                    and abs(k % side - cell_columns[column]) <= 1
                ]
                distances = (means[near] - features[:, row, column]).square().sum(dim=1)
                assignment[near, row, column] = (-distances).softmax(dim=0)
    return assignment


@settings(max_examples=10)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(0, 1000))
def test_equals_brute_force(side, cell, iterations, seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(4, side * cell, side * cell, generator=generator, dtype=torch.float64)
    grid = make_grid(side)
    clusters = cluster(to_cells(features[None], grid), grid, iterations)
    expected = brute_force(features, side, iterations)
    found = torch.zeros(side**2 + 1, side * cell, side * cell, dtype=torch.float64)
    for place in range(9):
        image = from_cells(clusters.assignment[:, :, place : place + 1], grid)[0, 0]
        owners = grid.candidates[:, place].reshape(1, -1, 1, 1).expand(1, -1, 1, cell**2)
        found.scatter_add_(0, from_cells(owners, grid)[0], image[None])
    torch.testing.assert_close(found[:-1], expected)
    assert not found[-1].any()


def test_gradients_against_finite_differences():
    torch.manual_seed(0)
    grid = make_grid(3)
    features = torch.randn(1, 9, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: cluster(x, grid, 5), (features,), fast_mode=False)


@given(st.integers(1, 5), st.integers(1, 4))
def test_cells_and_back(side, cell):
    image = torch.arange(2 * 3 * (side * cell) ** 2).reshape(2, 3, side * cell, side * cell)
    grid = make_grid(side)
    cells = to_cells(image, grid)
    assert cells.shape == (2, side**2, 3, cell**2)
    assert torch.equal(from_cells(cells, grid), image)
    # The first cell is the image's corner.
    assert torch.equal(cells[0, 0, 0], image[0, 0, :cell, :cell].flatten())


def test_assignment_sums_to_one_even_for_huge_features():
    torch.manual_seed(0)
    grid = make_grid(4)
    clusters = cluster(torch.randn(1, 16, 20, 9) * 1e4, grid, 5)
    torch.testing.assert_close(clusters.assignment.sum(dim=2), torch.ones(1, 16, 9))
    assert torch.isfinite(clusters.means).all()


def test_crop_that_does_not_divide():
    with pytest.raises(ValueError, match="20×20 crop cannot be cut into 3×3"):
        to_cells(torch.zeros(1, 1, 20, 20), make_grid(3))
