"""Networks: backbones, heads, parameter groups, weights."""
