"""Methods that join what modalities show before any encoder decides."""
