"""The page to work in: a local server that shows, steers and labels superpixels in the browser."""
