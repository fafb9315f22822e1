"""Dense class masks from a few clicks: superpixels carry a click's class to their pixels."""
