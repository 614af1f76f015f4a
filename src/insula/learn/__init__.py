"""Training and judging: recipes, the loop, metrics, and what each channel's net learns from."""
