"""Data sets that other people made, in their own layouts."""
