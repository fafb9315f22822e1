"""The Berkeley benchmark of contour maps: it judges the shipped network, no command needs it."""
