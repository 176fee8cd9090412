"""Whole files and folders: atomic writes, locks, staged folders, room on the disk, what cannot be written."""
