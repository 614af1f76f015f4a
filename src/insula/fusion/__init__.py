"""Floor 2: observations of one person to one estimate."""
