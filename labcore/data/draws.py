"""What chance may choose for a picture: shared by training (torch) and the page (numpy), so free of torch."""

import math

import numpy as np

from labcore.data.augment_spec import AugmentSpec

DRAWS = 18
"""Random numbers per sample, whatever the spec asks for: switching one part off leaves the others' draws alone.

Two for the flip, then a value and a coin (is it used?) for each of the eight columns of ``ranges``."""

LOGIT_EPS = 1e-7
"""fastai's clamp before the logit, so that black and white stay finite."""

HORIZON = 0.1
"""Perspective divides by a depth that is 1 in the middle; nearer to 0 than this a few input pixels would fill the view,
and below 0 one would look behind the camera."""

DIHEDRAL = np.array(
    [
        [[1, 0], [0, 1]],
        [[-1, 0], [0, 1]],
        [[1, 0], [0, -1]],
        [[0, 1], [1, 0]],
        [[-1, 0], [0, -1]],
        [[0, -1], [1, 0]],
        [[0, 1], [-1, 0]],
        [[0, -1], [-1, 0]],
    ],
    np.float64,
)
"""fastai's 8 settings in fastai's order (vision/augment.py, dihedral_mat): input = matrix @ output."""

STRAIGHT = np.array([0, 1, 2, 4])
"""The settings that keep rows as rows: the only ones that an oblong picture can take without changing its shape."""

SETTINGS = (
    "as it is",
    "mirrored left to right",
    "mirrored top to bottom",
    "mirrored along its diagonal",
    "turned by half",
    "turned by a quarter",
    "turned by three quarters",
    "mirrored along its other diagonal",
)
"""The 8 settings of the square in words, in the order of ``DIHEDRAL``."""


def ranges(spec: AugmentSpec) -> np.ndarray:
    """Low, high, neutral and probability of what is drawn uniformly, float64 [4, 8].

    Columns: degrees, zoom, the place of zoom (x, y), warp (x, y), brightness, contrast. The last two have fastai's
    ranges: brightness uniform about one half, contrast uniform in its logarithm.
    """
    half, reach = spec.max_lighting / 2, -math.log(1 - spec.max_lighting)
    turn, warp, used = spec.max_rotate, spec.max_warp, spec.p_affine
    columns = [
        (-turn, turn, 0.0, used),
        (spec.min_zoom, spec.max_zoom, 1.0, used),
        (0.0, 1.0, 0.5, 1.0),
        (0.0, 1.0, 0.5, 1.0),
        (-warp, warp, 0.0, used),
        (-warp, warp, 0.0, used),
        (0.5 - half, 0.5 + half, 0.5, spec.p_lighting),
        (-reach, reach, 0.0, spec.p_lighting),
    ]
    return np.array(columns).T
