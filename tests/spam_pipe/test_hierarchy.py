"""The hierarchy of the public API: levels, cuts, files, and what it refuses."""

import numpy as np
import pytest
from scipy import ndimage

import spam_pipe
from spam_pipe import Hierarchy, Segmenter


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(rng.random((48, 64, 3)), (3, 3, 0))
    smooth[10:30, 20:50] += 0.2
    return np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))


@pytest.fixture(scope="module")
def made(image):
    return Segmenter(prior="gradient").hierarchy(image, 120)


def test_every_level_is_of_so_many_and_nested(made):
    finest = made.labels()
    assert made.n_finest == 120
    for k in (1, 2, 30, 119, 120):
        labels = made.labels(k)
        assert labels.dtype == np.int64
        assert np.unique(labels).tolist() == list(range(k))
        assert len(np.unique(finest * 1000 + labels)) == 120
        assert np.array_equal(made.labels(k, start_label=1), labels + 1)


def test_the_same_whatever_was_asked_before(made, image):
    again = Segmenter(prior="gradient").hierarchy(image, 120)
    assert again.labels(40).tobytes() == made.labels(40).tobytes()


def test_nodes(made):
    assert made.root == 2 * 120 - 2
    assert made.areas[made.root] == 48 * 64
    for node in (made.root, 150):
        below = made.children(node)
        assert made.areas[below].sum() == made.areas[node]
        assert (made.parents[below] == node).all()
    assert made.children(0).size == 0
    assert made.altitudes[made.root] == pytest.approx((48 * 64) ** 0.5)
    tree = made.to_networkx()
    assert tree.number_of_nodes() == 239
    assert [*tree.predecessors(int(made.children(made.root)[0]))] == [made.root]
    assert tree.nodes[0]["area"] == made.areas[0]


def test_cuts(made, image):
    weights = np.ones(image.shape[:2])
    assert np.array_equal(made.cut(weights, 30), made.labels(30))
    weights[:, :32] = 16
    assert np.unique(made.cut(weights, 30)[:, :28]).size > np.unique(made.labels(30)[:, :28]).size
    energy = np.where(made.altitudes > 20, 1e3, 1.0)
    assert made.cut(energy=energy).max() + 1 < 120
    two = made.labels(2)
    counts = made.cut(objects=two, counts={0: 3, 1: 9})
    assert [np.unique(counts[two == side]).size for side in (0, 1)] == [3, 9]
    assert np.array_equal(made.cut(nodes=made.children(made.root)), two)


def test_a_mask_in_pieces(image):
    mask = np.zeros(image.shape[:2], bool)
    mask[5:20, 5:30] = mask[30:44, 10:60] = True
    made = spam_pipe.hierarchy(image, 20, prior="none", mask=mask)
    assert (made.labels(7)[~mask] == -1).all()
    assert (made.labels(7, start_label=1)[~mask] == 0).all()
    assert np.array_equal(made.labels(2) == made.labels(2)[6, 6], ndimage.label(mask)[0] == 1)
    assert np.array_equal(made.labels(1) == 0, mask)
    assert made.saliency().shape == (95, 127)


@pytest.mark.parametrize("name", ["tree.zarr", "tree.npz"])
def test_files(tmp_path, made, image, name):
    mask = np.ones(image.shape[:2], bool)
    mask[:9] = False
    for each in (made, spam_pipe.hierarchy(image, 20, prior="none", mask=mask)):
        each.save(tmp_path / name)
        read = Hierarchy.load(tmp_path / name)
        assert np.array_equal(read.labels(11), each.labels(11))
        assert np.array_equal(read.altitudes, each.altitudes)


def test_what_is_refused(made, image, tmp_path):
    with pytest.raises(ValueError, match="levels are of 1 to 120 regions: there is none of 121"):
        made.labels(121)
    with pytest.raises(ValueError, match="none of 0"):
        made.labels(0)
    with pytest.raises(ValueError, match="whole number"):
        made.labels(2.5)
    with pytest.raises(ValueError, match="the nodes are 0 to 238"):
        made.children(239)
    with pytest.raises(ValueError, match="one of weights, energy"):
        made.cut()
    with pytest.raises(ValueError, match="needs n_superpixels"):
        made.cut(np.ones(made.shape))
    with pytest.raises(ValueError, match="where the image is"):
        made.cut(np.ones((3, 3)), 5)
    with pytest.raises(ValueError, match="positive"):
        made.cut(np.zeros(made.shape), 5)
    with pytest.raises(ValueError, match="needs objects"):
        made.cut(counts={1: 2})
    with pytest.raises(ValueError, match="each of the 239 nodes"):
        made.cut(energy=np.ones(5))
    with pytest.raises(ValueError, match="n_finest is a whole number"):
        spam_pipe.hierarchy(image, 0, prior="none")
    other = made.labels(50)
    with pytest.raises(ValueError, match="a tree of 120 superpixels is not that of these labels"):
        Hierarchy(other, made.parents, made.altitudes)
    np.savez(tmp_path / "other.npz", labels=other)
    with pytest.raises(ValueError, match="holds no hierarchy: it has no parents"):
        Hierarchy.load(tmp_path / "other.npz")
