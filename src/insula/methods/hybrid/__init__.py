"""Methods that fuse in two places at once."""
