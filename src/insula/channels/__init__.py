"""Floor 2: one file or folder a channel. Recording in, observations out."""
