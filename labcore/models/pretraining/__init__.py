"""Training the lab's own backbone on generated still lifes: ``python -m labcore.models.pretraining``."""
