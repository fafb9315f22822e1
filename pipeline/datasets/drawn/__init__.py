"""Images that are drawn, with exact ground truth."""
