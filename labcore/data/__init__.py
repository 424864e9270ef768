"""What experiments learn from: the data block, the embedded sets, the real ones, the user's own."""
