"""What all figures share."""

PALETTE = ("#0b6e99", "#c2500a", "#2d7d46", "#8e4a9e", "#9a7400", "#5b6b75", "#2f86c9", "#a3324f")
"""The light theme's series colours: ice blue, ember, moss, plum, amber, slate, sky, wine."""
TYPE = 16
"""Letters in pixels: read from the back of a room."""
