"""Large images, segmented block by block at the resolution that their superpixels ask for."""
