"""From the results of a run to tables, curves and the page."""
