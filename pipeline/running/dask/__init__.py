"""Tasks on Dask workers."""
