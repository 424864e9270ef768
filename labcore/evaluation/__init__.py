"""Numpy only: what a run's numbers mean."""
