"""The superpixel methods by name: ours and the others, each on one image."""
