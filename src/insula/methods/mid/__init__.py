"""Methods that join modalities between their encoders and the decision."""
