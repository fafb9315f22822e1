"""Reading a run back and finding what is wrong in it."""
