"""Learning rate of the pretraining: warm up, hold, decay (Hu et al. 2024, MiniCPM, arXiv:2404.06395).

A held rate needs no end in sight, so a run can be prolonged from any checkpoint; the decay is what pays out.
"""

import math

WARM_UP = 300
"""Steps from zero to the full rate; MobileNetV3 from scratch sits on a plateau for about 100 steps anyway."""


def rate(step: int, steps: int, peak: float, decay: float) -> float:
    """Rate of ``step`` in 0 .. ``steps`` - 1, the last ``decay`` share of which falls to zero along a cosine."""
    start = round(steps * (1 - decay))
    if step < start:
        return peak * min(1.0, (step + 1) / WARM_UP)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - start + 1) / (steps - start)))
