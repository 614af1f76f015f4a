"""How the frames of a clip become one answer, or a steadier answer a frame."""
