"""How far the number of superpixels made is from the number asked for."""


def delta_k(n_superpixels: int, n_requested: int) -> float:
    """Return |n - K| / K."""
    return abs(n_superpixels - n_requested) / n_requested
