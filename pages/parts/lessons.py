"""The lessons of the lab, in teaching order; a lesson is shown once its page stands."""

from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Lesson:
    """One page of the lab.

    Attributes:
        path: the url path and the name of its page, experiment and figures.
        title: for headings and navigation.
        icon: a Material symbol.
        question: what the lesson answers.
        first_step: what to do there first.
    """

    path: str
    title: str
    icon: str
    question: str
    first_step: str

    @property
    def file(self) -> Path:
        """Where its page stands."""
        return PAGES / f"{self.path}.py"


_ALL = (
    Lesson(
        "data_block",
        "Data block",
        ":material/dataset:",
        "What does the net eat?",
        "Turn six questions one by one and see what each does to real items.",
    ),
    Lesson(
        "lr_finder",
        "LR finder",
        ":material/trending_down:",
        "How large a step should the net take?",
        "Sweep the learning rate once, pick a place on the curve, then see what five rules say.",
    ),
    Lesson(
        "fine_tune",
        "Fine-tuner",
        ":material/ac_unit:",
        "Why train the head first, and the body gently?",
        "Freeze, train, unfreeze, and race plans that differ in one line.",
    ),
    Lesson(
        "thresholds",
        "Thresholds",
        ":material/tune:",
        "When is a label a yes?",
        "Drag a threshold per class and watch F2 answer.",
    ),
    Lesson(
        "segmentation",
        "Segmentation",
        ":material/layers:",
        "What is every single pixel?",
        "Train a U-Net and see why void pixels must not count.",
    ),
    Lesson(
        "head_pose",
        "Head pose",
        ":material/my_location:",
        "Can a net point at something?",
        "Predict a point, and see why a random split of video frames lies.",
    ),
    Lesson(
        "collab",
        "Collaborative filtering",
        ":material/hub:",
        "What would you like to watch next?",
        "Learn factors from ratings and look at what they mean.",
    ),
)


def lessons() -> list[Lesson]:
    """The lessons whose pages stand."""
    return [lesson for lesson in _ALL if lesson.file.is_file()]
