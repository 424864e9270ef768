"""Data sets drawn by this project, deterministic."""
