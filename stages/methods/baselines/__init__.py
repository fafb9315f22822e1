"""Other superpixels to compare with: other authors' methods, floors and ceilings."""
