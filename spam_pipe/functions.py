"""The functions: what a segmenter does, for one image at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spam_pipe.nested import Hierarchy
from spam_pipe.pictures import Bands, as_inputs, as_mask, as_truth
from spam_pipe.pipeline.kernels import METRICS, require_kernels
from spam_pipe.priors import Factors, Prior
from spam_pipe.segmenter import Segmenter
from spam_pipe.showing import Figures
from spam_pipe.stages.evaluate.evaluate import evaluate as measure
from spam_pipe.stages.numeric import native


def segment(
    image: ArrayLike,
    n_superpixels: int = 400,
    *,
    method: str = "spam",
    prior: Prior | None = None,
    compactness: float | None = None,
    mask: ArrayLike | None = None,
    factors: Factors | None = None,
    checkpoint: str | PathLike[str] | None = None,
    channel_axis: int | None = -1,
    bands: Bands = None,
    start_label: int = 0,
    device: str = "auto",
) -> NDArray[np.int64]:
    """Segment an image into superpixels that don't cross its objects.

    Equal to what ``spam-pipe run`` makes of the same 8-bit image. The first call loads networks.

    Parameters
    ----------
    image
        (H, W, 3) or (H, W, 1) integers, bool or floats in 0..1, as `skimage.util.img_as_float`
        takes them; (H, W) with ``channel_axis=None``. sRGB. Two channels, or more than four, are
        bands of any range, all of which pixels are compared by (`bands`).
    n_superpixels
        How many are wanted, K. So many come out, unless the connected pieces of the objects, or
        of the mask, alone are more, or the image has fewer pixels.
    method
        ``"spam"``, or another of ``spam-pipe run --method``: ``"slic"``, ``"snic"``, ``"seeds"`` …
    prior
        What the superpixels keep to; for the methods that keep to objects (``spam``,
        ``spam-nested``, ``maskslic``) ``"contour"`` by default: objects between the contours that
        a network sees. ``"gradient"``: between changes of colour. ``"none"``: nothing. ``"sam"``
        and its relatives (``"mobile-sam"``, ``"fast-sam"``, ``"hf-sam"``; each also as
        ``"sam+contour"``): masks that they generate. An (H, W) array of integers: your objects, 0
        where undecided. A list of (H, W) masks that may overlap: each pixel goes to the smallest
        that covers it, specks and thin rims to none. Where there are more objects than half of K,
        those with the weakest border between them are merged.
    compactness
        Weight of the position: higher is more regular. By default what suits the method, 6 for
        ``spam``.
    mask
        (H, W), True where pixels count. The others are in no superpixel, whatever they hold,
        and K is the number inside.
    factors
        How much denser superpixels are: a dictionary from the numbers of
        ``objects(image, n_superpixels)``, with the same number and prior, to positive numbers; or
        an (H, W) map of such, of which each object takes the mean; or ``"visual"``: what stands
        out. 2 is twice an object's share; K stays K.
    checkpoint
        Weights of ``"sam"`` or a relative; by default those that ``spam-pipe weights fetch`` got.
    channel_axis
        Where the channels are; None for a grey image without them.
    bands
        Of an image of bands: pixels are compared by all of them, decorrelated, and the networks
        see the first three principal components (``"all"``, the default but for four channels,
        which might be RGBA) or three channels, from 0, as in ``bands=(3, 2, 1)``.
    start_label
        The first label, 0 or 1. Pixels outside of `mask` are one less: 0 with ``start_label=1``,
        as scikit-image has them, and -1 with ``start_label=0``.
    device
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``. One that is not there is an error.

    Returns
    -------
    (H, W) int64, each superpixel 4-connected.

    Raises
    ------
    ValueError
        When an argument is none of the above; it says which and what to give.

    See Also
    --------
    Segmenter : the same for many images.

    References
    ----------
    J. Walther, R. Giraud, M. Clément, "Superpixel Anything: A general object-based framework for
    accurate yet regular superpixel segmentation", 2025, arXiv:2509.12791.

    Examples
    --------
    >>> import numpy as np
    >>> from spam_pipe import segment
    >>> image = np.linspace(0, 1, 60 * 80).reshape(60, 80)
    >>> labels = segment(image, 20, channel_axis=None)
    >>> labels.dtype, int(labels.min()), int(labels.max())
    (dtype('int64'), 0, 19)

    Pixels to leave out, and objects of your own, the first with twice its share:

    >>> mask = np.ones((60, 80), bool)
    >>> mask[:, 60:] = False
    >>> mine = np.where(np.arange(80) < 30, 1, 2) * np.ones((60, 1), int)
    >>> labels = segment(
    ...     image, 12, prior=mine, factors={1: 2}, mask=mask, channel_axis=None, start_label=1
    ... )
    >>> bool((labels[:, 60:] == 0).all())
    True
    >>> np.unique(labels[:, :30]).size, np.unique(labels[:, 30:60]).size
    (8, 4)
    """
    segmenter = _segmenter(method, prior, compactness, checkpoint, device)
    return segmenter.segment(
        image,
        n_superpixels,
        prior=prior,
        mask=mask,
        factors=factors,
        channel_axis=channel_axis,
        bands=bands,
        start_label=start_label,
    )


def hierarchy(
    image: ArrayLike,
    n_finest: int = 1000,
    *,
    prior: Prior | None = None,
    compactness: float | None = None,
    mask: ArrayLike | None = None,
    factors: Factors | None = None,
    checkpoint: str | PathLike[str] | None = None,
    channel_axis: int | None = -1,
    bands: Bands = None,
    device: str = "auto",
) -> Hierarchy:
    """Nest superpixels: one tree with a level of exactly k regions for every k up to the finest.

    Each level's regions are unions of the next finer level's. One result serves every number of
    superpixels, and any cut that is coarse here and fine there.

    Parameters
    ----------
    image, prior, compactness, mask, factors, checkpoint, channel_axis, bands, device
        As for `segment`; numbers in `factors` are those of ``objects(image, n_finest)``. Factors
        bend the tree: each level has more regions where they are high.
    n_finest
        Superpixels of the finest level; at most as many as pixels.

    Returns
    -------
    Hierarchy
        Its regions are 4-connected, except in levels of fewer regions than the mask has connected
        pieces. No region crosses an object that the prior keeps at its level: objects are those
        of 100 superpixels from there on, with strongly bordered parts told apart at 400, 1,600 …,
        and merge along the prior's tree below. Images of more than four million pixels are worked
        at by blocks.

    Raises
    ------
    ValueError
        As for `segment`.

    Examples
    --------
    >>> import numpy as np
    >>> from spam_pipe import hierarchy
    >>> image = np.random.default_rng(0).random((40, 60))
    >>> made = hierarchy(image, 30, channel_axis=None)
    >>> made.n_finest, int(made.labels(7).max()) + 1
    (30, 7)
    """
    segmenter = _segmenter("spam", prior, compactness, checkpoint, device)
    return segmenter.hierarchy(
        image,
        n_finest,
        prior=prior,
        mask=mask,
        factors=factors,
        channel_axis=channel_axis,
        bands=bands,
    )


def objects(
    image: ArrayLike,
    n_superpixels: int = 400,
    *,
    prior: Prior | None = None,
    mask: ArrayLike | None = None,
    checkpoint: str | PathLike[str] | None = None,
    channel_axis: int | None = -1,
    bands: Bands = None,
    device: str = "auto",
) -> NDArray[np.int64]:
    """Return the objects of an image that so many superpixels keep to.

    Their numbers are what `segment` takes as `factors`, for the same number of superpixels.

    Parameters
    ----------
    image, n_superpixels, prior, mask, checkpoint, channel_axis, bands, device
        As for `segment`.

    Returns
    -------
    (H, W) int64 objects 1..n; 0 where undecided or outside of the mask. Objects of a map of your
    own keep its numbers; where some are merged, they have the lowest of theirs.

    Raises
    ------
    ValueError
        As for `segment`; and when the image has more than four million pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from spam_pipe import objects
    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> image[20:40, 30:60] = 250, 200, 0
    >>> found = objects(image, 100)
    >>> bool(found[30, 45] != found[5, 5])
    True
    """
    segmenter = _segmenter("spam", prior, None, checkpoint, device)
    return segmenter.objects(
        image, n_superpixels, prior=prior, mask=mask, channel_axis=channel_axis, bands=bands
    )


def features(
    image: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    channel_axis: int | None = -1,
    bands: Bands = None,
    device: str = "auto",
) -> NDArray[np.float32]:
    """Return the deep features by which pixels are compared.

    Parameters
    ----------
    image, mask, channel_axis, bands, device
        As for `segment`.

    Returns
    -------
    (H, W, C) float32; NaN outside of the mask.

    Raises
    ------
    ValueError
        As for `segment`.

    Examples
    --------
    The mean features of each superpixel, as a graph network takes them:

    >>> import numpy as np
    >>> from spam_pipe import features, segment
    >>> image = np.random.default_rng(0).random((40, 60, 3))
    >>> labels = segment(image, 10).ravel()
    >>> deep = features(image).reshape(labels.size, -1)
    >>> sums = [np.bincount(labels, weights=channel) for channel in deep.T]
    >>> (np.stack(sums, axis=1) / np.bincount(labels)[:, np.newaxis]).shape
    (10, 15)
    """
    segmenter = _segmenter("spam", "none", None, None, device)
    return segmenter.features(image, mask=mask, channel_axis=channel_axis, bands=bands)


def evaluate(
    labels: ArrayLike,
    image: ArrayLike | None = None,
    ground_truth: NDArray[Any] | Sequence[NDArray[Any]] | None = None,
    *,
    mask: ArrayLike | None = None,
    ignore: int | Sequence[int] = (),
    channel_axis: int | None = -1,
    bands: Bands = None,
) -> Figures:
    """Measure superpixels.

    Parameters
    ----------
    labels
        (H, W) integers; negative ones are outside. A label is one superpixel, connected or not.
    image
        As for `segment`; without it there is no explained variation.
    ground_truth
        (H, W) non-negative integers, or several of them, one by each annotator, over whom the
        figures are averaged; without any there is neither accuracy nor recall. What a masked
        array masks is in no region.
    mask
        (H, W), True where pixels count. With ``start_label=1`` superpixels outside of a mask are
        0: give the mask, or ``labels - 1``.
    ignore
        Values of the ground truth that mean no region, such as 255 or -1: accuracy, recall and
        precision do not look there.
    channel_axis, bands
        As for `segment`; explained variation is that of what is seen.

    Returns
    -------
    A dictionary: ``n_superpixels``, and ``asa``, ``ue``, ``ue_np``, ``boundary_recall``,
    ``boundary_precision``, ``contour_density``, ``explained_variation``,
    ``explained_variation_giraud``, ``compactness``, ``gr``, ``src``, ``smf``, ``gr_giraud``,
    ``src_giraud``; None where undefined.

    Raises
    ------
    ValueError
        When shapes differ, or an array is none of the above.

    Examples
    --------
    >>> import numpy as np
    >>> from spam_pipe import evaluate
    >>> truth = np.repeat([[0, 1]], 20, axis=0).repeat(15, axis=1)
    >>> cells = np.arange(20)[:, np.newaxis] // 10 * 3 + np.arange(30) // 10
    >>> figures = evaluate(cells, ground_truth=truth)
    >>> figures["n_superpixels"], round(figures["asa"], 3), figures["gr"]
    (6, 0.833, 1.0)
    """
    named = _outside_negative(labels)
    if named.ndim != 2 or named.dtype.kind not in "iu" or named.size == 0:
        raise ValueError(f"labels are (H, W) integers, not {named.dtype} of shape {named.shape}")
    inside = np.ones(named.shape, np.bool_) if mask is None else as_mask(mask, named.shape)
    inside &= named >= 0
    if not inside.any():
        raise ValueError("there is no superpixel to measure: every label is negative or masked out")
    valid = None if inside.all() else inside
    colors = None if image is None else as_inputs(image, valid, channel_axis, bands).image
    if ground_truth is None:
        truths = []
    elif isinstance(ground_truth, np.ndarray) and ground_truth.ndim == 2:
        truths = [as_truth(ground_truth, ignore)]
    else:
        truths = [as_truth(each, ignore) for each in ground_truth]
    require_kernels(METRICS)
    n = np.unique(named[inside]).size
    return Figures({"n_superpixels": n, **measure(named, colors, truths, valid=valid)})


def _outside_negative(labels: ArrayLike) -> NDArray[Any]:
    """Return labels as a plain array, -1 where a masked one is masked."""
    given = native(np.ma.asanyarray(labels))
    hidden = np.ma.getmask(given)
    plain = np.asarray(np.ma.getdata(given))
    if hidden is np.ma.nomask or not hidden.any() or plain.dtype.kind not in "iu":
        return plain
    return np.where(hidden, -1, plain.astype(np.int64))


def _segmenter(
    method: str,
    prior: Prior | None,
    compactness: float | None,
    checkpoint: str | PathLike[str] | None,
    device: str,
) -> Segmenter:
    """Return the segmenter with these options; models are loaded for priors that have a name."""
    named = prior if prior is None or isinstance(prior, str) else "none"
    return _kept(
        method, named, compactness, None if checkpoint is None else str(checkpoint), device
    )


@cache
def _kept(
    method: str, prior: str | None, compactness: float | None, checkpoint: str | None, device: str
) -> Segmenter:
    return Segmenter(
        method=method,
        prior=prior,
        compactness=compactness,
        checkpoint=checkpoint,
        device=device,
    )
