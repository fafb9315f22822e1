"""What each figure says, in a sentence: on the page, in notebooks."""

MEANINGS = {
    "n_superpixels": "Superpixels made.",
    "asa": "Achievable segmentation accuracy, 0 to 1: the share of pixels that are right when each "
    "superpixel takes the ground-truth region that it overlaps most. Higher is better.",
    "ue": "Undersegmentation error: 1 - ASA. Lower is better.",
    "ue_np": "Undersegmentation error of Neubert and Protzel: what superpixels leak over borders, "
    "by the number of pixels. Lower is better.",
    "boundary_recall": "The share of ground-truth boundary pixels with a superpixel boundary "
    "beside them, 0 to 1. Higher is better; more superpixels have more.",
    "boundary_precision": "The share of superpixel boundaries that a ground-truth boundary "
    "accounts for, 0 to 1. Higher is better; more superpixels have less.",
    "contour_density": "The share of pixels on a superpixel boundary.",
    "explained_variation": "Explained variation, at most 1: how much of the image's colours the "
    "superpixels' mean colours explain. Higher is better; needs no ground truth.",
    "explained_variation_giraud": "Explained variation as Giraud's program computes it.",
    "compactness": "Compactness, 0 to π/4: area by squared perimeter; squares reach π/4. Higher "
    "is more regular.",
    "gr": "Global regularity, 0 to 1: how convex, balanced, smooth (SRC) and alike (SMF) the "
    "superpixels' shapes are. Higher is more regular.",
    "src": "Shape regularity, 0 to 1: how convex, balanced and smooth each superpixel is.",
    "smf": "Smooth matching, 0 to 1: how much superpixels look like their average shape.",
    "gr_giraud": "Global regularity as Giraud's program computes it.",
    "src_giraud": "Shape regularity as Giraud's program computes it.",
    "delta_k": "|n - K| / K: how far the number made is from the one asked for.",
    "seconds": "Seconds per image that the method computed for; loading and compiling are not in.",
}
"""By the metric tables' columns (METRICS.md)."""
