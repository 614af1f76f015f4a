"""Readers of public corpora, one file each: the layout expected on disk, labels, groups, splits."""
