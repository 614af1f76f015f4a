"""Methods that fuse what the channels have each concluded."""
