"""Limits on what is read: checked before memory is allocated."""
