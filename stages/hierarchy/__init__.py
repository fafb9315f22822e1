"""One tree of superpixels: nested levels, one for each number of them."""
