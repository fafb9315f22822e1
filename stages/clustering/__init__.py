"""The clustering algorithm: arrays in, label maps out."""
