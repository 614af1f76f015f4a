"""Floor 5: people's doors. They use only what insula itself exports."""
