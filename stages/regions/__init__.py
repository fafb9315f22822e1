"""Label maps as such: pieces, neighbours, merge trees."""
