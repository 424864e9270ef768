"""Gradient descent on a parabola."""

from pydantic import Field

from labcore.specs.base import Rate, Spec


class DescentSpec(Spec):
    """Gradient descent on a parabola: the smallest lesson there can be."""

    start: float = Field(default=4.0, ge=-100, le=100, allow_inf_nan=False)
    """Where the descent starts."""
    lr: Rate = 0.1
    """How far each step goes, as a multiple of the slope."""
    steps: int = Field(default=50, ge=1, le=10_000)
    """How many steps are taken."""
