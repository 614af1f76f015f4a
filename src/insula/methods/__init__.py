"""The survey that runs: one file a published method, in torch, grouped by where it fuses."""
