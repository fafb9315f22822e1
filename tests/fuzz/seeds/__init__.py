"""Small real files of every kind that is read, which mutations start from."""
