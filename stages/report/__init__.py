"""Tables, curves and pictures of a run."""
