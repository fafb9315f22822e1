"""The metrics of the field, one a file."""
