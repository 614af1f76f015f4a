"""Floor 0: time, tracks, spaces, records and roles. Needs numpy and the standard library only."""
