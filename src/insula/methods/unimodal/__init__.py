"""Methods that look at one modality."""
