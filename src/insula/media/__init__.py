"""Bytes to Recording: containers, video, audio, speech activity and text on one clock."""
