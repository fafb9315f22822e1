"""The project's own trained weights, and a card for each."""
