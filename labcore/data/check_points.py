"""What is doubtful about a set of points or angles: who is in its pictures, and which numbers are missing."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

SHOWN = 3
"""Names told in one sentence; the others are counted."""
ANGLES = ("yaw", "pitch", "roll")


def single_frames(groups: Sequence[str]) -> str:
    """One sentence on persons of whom there is one frame only; empty where there is none."""
    counts = pd.Series(np.asarray(groups, str)).value_counts()
    single = sorted(counts[counts == 1].index)
    if not single:
        return ""
    more = f" and {len(single) - SHOWN} more" if len(single) > SHOWN else ""
    return f"One frame only of {', '.join(single[:SHOWN])}{more}: held out, a person is judged by that single picture."


def doubts(table: pd.DataFrame) -> list[str]:
    """Sentences on a table of points: nobody named, persons with one frame, angles that some pictures lack."""
    found = []
    if "group" not in table:
        found.append(
            "Nothing says who is in which picture, so only a random split is left; it flatters where pictures are "
            "frames of videos. Add a column such as person, subject or video."
        )
    elif lonely := single_frames(table["group"]):
        found.append(lonely)
    for angle in ANGLES:
        missing = int(table[angle].isna().sum()) if angle in table else 0
        if missing:
            found.append(
                f"{missing} of {len(table)} pictures have points and no {angle}: points can be learnt as they are, "
                f"angles only once {angle} is filled."
            )
    return found
