"""Objects that the user draws among those of a prior."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spam_pipe.stages.attention.user_factors import Click, Drawn, UserFactors
from spam_pipe.stages.base import Inputs, Output
from spam_pipe.stages.methods.config import SegmentConfig
from spam_pipe.stages.prior.cut import contour_of, objects_for
from spam_pipe.stages.regions.tree import check_tree
from spam_pipe.stages.segment.drawn import painted, with_drawn
from spam_pipe.stages.segment.nested import HierarchyStage
from spam_pipe.stages.segment.stage import SegmentStage

SHAPE = (24, 36)
CONFIG = {"network": "none", "attention": {"mode": "file", "file": "given"}}


def prior_of(columns: int) -> dict[str, NDArray[Any]]:
    """Return objects side by side, merged from the left, with weak borders between them."""
    objects = (np.arange(SHAPE[1]) * columns // SHAPE[1] + 1) * np.ones(SHAPE, int)
    parents = np.zeros(2 * columns - 1, np.int32)
    for merge in range(columns - 1):
        node = columns + merge
        parents[node - 1 if merge else 0] = parents[merge + 1] = node
    parents[-1] = 2 * columns - 2
    altitudes = np.concatenate([np.zeros(columns), np.arange(1, columns)]).astype(np.float32)
    return {
        "objects": objects.astype(np.uint16), "parents": parents, "altitudes": altitudes,
        "contour": np.full(SHAPE, 9, np.uint8),
    }  # fmt: skip


def box(top: int, bottom: int, left: int, right: int, factor: float = 2.0) -> Drawn:
    mask = np.zeros(SHAPE, np.bool_)
    mask[top:bottom, left:right] = True
    return Drawn(mask, factor)


BOXES = st.builds(
    lambda a, b, c, d: box(min(a, b), max(a, b) + 1, min(c, d), max(c, d) + 1),
    st.integers(0, 23), st.integers(0, 23), st.integers(0, 35), st.integers(0, 35),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.lists(BOXES, min_size=1, max_size=4), st.integers(20, 300))
def test_every_cut_keeps_what_is_drawn(columns: int, drawn: list[Drawn], count: int) -> None:
    prior = prior_of(columns)
    made = with_drawn(prior, drawn)
    check_tree(made["parents"], made["altitudes"])
    n = (len(made["parents"]) + 1) // 2
    assert np.unique(made["objects"]).tolist() == list(range(1, n + 1))
    own = painted(drawn, SHAPE)
    np.testing.assert_array_equal(made["objects"][own > 0] - (n - own.max()), own[own > 0])
    cut = objects_for(made, contour_of(made), count, SegmentConfig(**CONFIG))
    assert cut is not None
    for number in range(1, own.max() + 1):
        (met,) = np.unique(cut[own == number])
        assert ((cut == met) == (own == number)).all()


def test_nothing_drawn_changes_nothing_and_another_size_is_refused() -> None:
    prior = prior_of(3)
    assert with_drawn(prior, ()) is prior
    wrong = Drawn(np.ones((5, 6), np.bool_), 2.0)
    with pytest.raises(ValueError, match=r"6 × 5 pixels, the image 36 × 24: give one"):
        with_drawn(prior, [wrong])


def inputs_of(wanted: UserFactors) -> Inputs:
    random = np.random.default_rng(0)
    image = random.integers(90, 110, (*SHAPE, 3)).astype(np.uint8)
    return Inputs(image=image, attention=wanted, upstream={"prior": {None: Output(prior_of(3))}})


def test_superpixels_keep_to_a_drawn_object_and_are_denser_there() -> None:
    drawn = box(4, 16, 5, 21, 4.0)
    stage, config = SegmentStage(), SegmentConfig(**CONFIG)
    wanted = UserFactors(clicks=(Click(35, 3, 1.0),), objects=((3, 1.0),), drawn=(drawn,))
    (made,) = stage.run(inputs_of(wanted), config, stage.setup(config, "cpu"), [40])
    labels = made.arrays["labels"]
    inside = np.unique(labels[drawn.mask])
    assert made.attributes["n_superpixels"] == 40
    assert np.isin(labels, inside).sum() == drawn.mask.sum()
    share = 4 * drawn.mask.sum() / (4 * drawn.mask.sum() + (~drawn.mask).sum())
    assert abs(inside.size - 40 * share) <= 1
    assert np.unique(made.arrays["objects"][drawn.mask]).size == 1


def test_so_do_the_levels_of_a_hierarchy() -> None:
    drawn = box(4, 16, 5, 21, 4.0)
    stage = HierarchyStage()
    config = SegmentConfig(method="spam-nested", spam_nested={"finest": 120}, **CONFIG)
    (made,) = stage.run(
        inputs_of(UserFactors(drawn=(drawn,))), config, stage.setup(config, "cpu"), [None]
    )
    labels = made.arrays["labels"]
    assert np.isin(labels, np.unique(labels[drawn.mask])).sum() == drawn.mask.sum()
    assert np.unique(made.arrays["objects"][drawn.mask]).size == 1
