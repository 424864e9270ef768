"""The card set of little tricks that the notes wish for; each card can be tried on the plan in hand and raced."""

from collections.abc import Callable
from dataclasses import dataclass

from labcore.specs import FineTuneSpec, Stage
from labcore.training.plans import SMALLEST_SIDE

SMALLER = {
    "resnet50": "resnet34",
    "resnet34": "resnet18",
    "resnet18": "resnet10t",
    "regnetx_002": "mobilenetv3_small_100",
    "mobilenetv3_small_100": "mobilenetv3_small_050",
}
DEEPER = {smaller: deeper for deeper, smaller in SMALLER.items()}


@dataclass(frozen=True)
class Trick:
    """One card.

    Attributes:
        name: fixed name.
        title: what it is called.
        icon: a Material symbol.
        what, why, when: a sentence each.
        source: whose trick it is.
        apply: the spec with the trick done, or None where it does not apply to it.
    """

    name: str
    title: str
    icon: str
    what: str
    why: str
    when: str
    source: str
    apply: Callable[[FineTuneSpec], FineTuneSpec | None]

    def tried(self, spec: FineTuneSpec) -> FineTuneSpec | None:
        """The spec with the trick done; None where it changes nothing or does not apply."""
        changed = self.apply(spec)
        return None if changed is None or changed == spec else changed


def _stages(spec: FineTuneSpec, change: Callable[[Stage], Stage]) -> FineTuneSpec:
    return spec.but(plan=tuple(change(stage) for stage in spec.plan))


def _small_images(spec: FineTuneSpec) -> FineTuneSpec | None:
    if not isinstance(spec.image_size, int) or spec.image_size // 2 < SMALLEST_SIDE:
        return None
    return spec.but(image_size=spec.image_size // 2)


def _resizing(spec: FineTuneSpec) -> FineTuneSpec | None:
    size = spec.image_size
    if not isinstance(size, int) or any(stage.image_size for stage in spec.plan) or size // 2 < SMALLEST_SIDE:
        return None
    small = tuple(
        stage.but(image_size=size // 2, name=f"{stage.name or number}-small"[:60])
        for number, stage in enumerate(spec.plan, 1)
    )
    return spec.but(plan=(*small, *spec.plan)[:12])


def _lower(spec: FineTuneSpec) -> FineTuneSpec:
    return _stages(
        spec, lambda stage: stage.but(lr=stage.lr / 10, lr_lo=stage.lr_lo / 10 if stage.lr_lo else stage.lr_lo)
    )


def _slice(spec: FineTuneSpec) -> FineTuneSpec | None:
    if all(stage.lr_lo or stage.tenth or stage.freeze_to == -1 for stage in spec.plan):
        return None
    return _stages(
        spec,
        lambda stage: stage if stage.lr_lo or stage.tenth or stage.freeze_to == -1 else stage.but(lr_lo=stage.lr / 100),
    )


def _uniform(spec: FineTuneSpec) -> FineTuneSpec | None:
    if not any(stage.lr_lo for stage in spec.plan):
        return None
    return _stages(spec, lambda stage: stage.but(lr_lo=None))


def _freeze_first(spec: FineTuneSpec) -> FineTuneSpec | None:
    if spec.plan[0].freeze_to == -1 or len(spec.plan) >= 12:
        return None
    first = Stage(name="head first", freeze_to=-1, epochs=3, lr=3e-3, tenth=True)
    return spec.but(plan=(first, *spec.plan))


def _unfreeze_at_once(spec: FineTuneSpec) -> FineTuneSpec | None:
    rest = tuple(stage for stage in spec.plan if stage.freeze_to != -1)
    return spec.but(plan=rest) if rest and len(rest) < len(spec.plan) else None


def _batchnorm(spec: FineTuneSpec) -> FineTuneSpec | None:
    if not any(stage.freeze_to == -1 for stage in spec.plan):
        return None
    if spec.frozen_body == "computed_once":
        return spec.but(frozen_body="batchnorm_trains")
    return spec.but(frozen_body="computed_once", augment="none")


def _small_model(spec: FineTuneSpec) -> FineTuneSpec | None:
    return _other_arch(spec, SMALLER)


def _deeper(spec: FineTuneSpec) -> FineTuneSpec | None:
    return _other_arch(spec, DEEPER)


def _other_arch(spec: FineTuneSpec, among: dict[str, str]) -> FineTuneSpec | None:
    # A file on disk is of one architecture; another one cannot take its weights.
    if spec.arch not in among or spec.weights not in ("embedded", "pretrained", "none"):
        return None
    return spec.but(arch=among[spec.arch])


def _half(spec: FineTuneSpec) -> FineTuneSpec | None:
    return spec.but(precision="fp32") if spec.precision != "fp32" else spec.but(precision="auto")


def _smaller_batch(spec: FineTuneSpec) -> FineTuneSpec | None:
    return spec.but(batch_size=spec.batch_size // 2) if spec.batch_size >= 16 else None


def _augment(spec: FineTuneSpec) -> FineTuneSpec | None:
    return spec.but(augment="photos", frozen_body="batchnorm_trains") if spec.augment == "none" else None


def _decay(spec: FineTuneSpec) -> FineTuneSpec | None:
    return spec.but(weight_decay=0.1) if spec.weight_decay < 0.1 else None


def _no_climb(spec: FineTuneSpec) -> FineTuneSpec | None:
    return _stages(spec, lambda stage: stage.but(schedule="constant"))


TRICKS: tuple[Trick, ...] = (
    Trick(
        "small_images",
        "Small images first",
        ":material/photo_size_select_small:",
        "Halve the side of the pictures while you are still trying things.",
        "Half the side is a quarter of the work, so you try four ideas in the time of one.",
        "At the start, and never below 64 pixels: there the net has nothing left to look at.",
        "lesson 3 notes, fast iteration",
        _small_images,
    ),
    Trick(
        "small_model",
        "Small model first",
        ":material/compress:",
        "Clean the data and test the plan on the smallest net; change to a larger one at the end.",
        "A mistake in the data costs the same to find with a small net and far less time.",
        "As long as possible; then see whether the larger one is better at all.",
        "lesson 6 notes",
        _small_model,
    ),
    Trick(
        "progressive_resizing",
        "Progressive resizing",
        ":material/photo_size_select_large:",
        "Train small, then freeze and unfreeze again at double the size, with the same weights.",
        "To the net a larger size is a new data set: more data for free, and early epochs are cheap.",
        "When the last percent counts and the pictures are large enough.",
        "lesson 3 notes; fast.ai's planet notebook",
        _resizing,
    ),
    Trick(
        "lower_rate",
        "A tenth of the rate",
        ":material/arrow_downward:",
        "Divide every rate by ten.",
        "Where the loss jumps or the valid loss stands far above the training loss, the steps are too large.",
        "When it diverges. Mind that a small rate takes many epochs, and many epochs overfit.",
        "lesson 6 notes",
        _lower,
    ),
    Trick(
        "discriminative",
        "Small rates early, large ones late",
        ":material/tune:",
        "Give the first layers a hundredth of the head's rate: slice(lr / 100, lr).",
        "Edges and colours are alike in all photos; what was learnt there needs little change.",
        "Whenever the whole net trains.",
        "lesson 6 notes, discriminative learning rates",
        _slice,
    ),
    Trick(
        "one_rate",
        "One rate for all layers",
        ":material/horizontal_rule:",
        "Take the slice away: every layer at the head's rate.",
        "To see what the slice is worth: early layers move as far as late ones and may lose what they knew.",
        "As a counter-test.",
        "lesson 6 notes: we used the same learning rate for a whole training",
        _uniform,
    ),
    Trick(
        "freeze_first",
        "Freeze first",
        ":material/ac_unit:",
        "Train the head alone before anything else moves.",
        "A random head sends random gradients into a body that already knows much.",
        "Whenever the head is new.",
        "lesson 3 and 6 notes",
        _freeze_first,
    ),
    Trick(
        "unfreeze_at_once",
        "Unfreeze at once",
        ":material/local_fire_department:",
        "Leave the frozen stage out.",
        "To see what it protects.",
        "As a counter-test.",
        "the opposite of the notes' plan",
        _unfreeze_at_once,
    ),
    Trick(
        "batchnorm",
        "BatchNorm trains when frozen, or not",
        ":material/straighten:",
        "fastai lets BatchNorm learn in a frozen body; with it at rest the body is computed once per picture.",
        "Learning follows the new pictures' brightness and contrast; resting makes an epoch of the head many times "
        "faster.",
        "Let it learn when the new pictures look unlike the old; let it rest when time counts.",
        "fastai's train_bn; compare both here",
        _batchnorm,
    ),
    Trick(
        "half_precision",
        "Half precision, or full",
        ":material/bolt:",
        "Compute with 16 bits where the device gains from it (fastai's to_fp16).",
        "Half the memory, and tensor cores are two to three times faster; sometimes the noise even helps.",
        "On a GPU nearly always. On most CPUs it is slower, and auto leaves it off.",
        "lesson 3 and 6 notes",
        _half,
    ),
    Trick(
        "smaller_batch",
        "Half the batch",
        ":material/view_comfy_alt:",
        "Halve the batch size.",
        "Activations fill the memory, and they grow with the batch. More, noisier steps may even help.",
        "After an out-of-memory error, or when the pictures get larger.",
        "lesson 3 notes: set bs=32",
        _smaller_batch,
    ),
    Trick(
        "deeper",
        "A deeper net",
        ":material/layers:",
        "Take the next larger architecture.",
        "More layers can tell more apart. They do not always: try it.",
        "At the end, when the plan stands.",
        "lesson 6 notes, deeper architectures",
        _deeper,
    ),
    Trick(
        "augment",
        "Vary the pictures",
        ":material/flip:",
        "Flip, turn, zoom and light every picture anew each time it is seen.",
        "The net cannot learn a picture by heart that it never sees twice.",
        "When it overfits, and the variation is one that the world has too.",
        "lesson 3 notes, transforms",
        _augment,
    ),
    Trick(
        "decay",
        "More weight decay",
        ":material/compare_arrows:",
        "Pull all weights towards zero, ten times as strongly.",
        "Large weights are how a net learns by heart; this penalises them.",
        "When it overfits and you do not want fewer epochs.",
        "lesson 6 notes",
        _decay,
    ),
    Trick(
        "no_climb",
        "Without the climb",
        ":material/remove:",
        "A constant rate instead of one-cycle.",
        "The climb is gentle on fresh weights, the descent settles what was learnt. See what each is worth.",
        "As a counter-test.",
        "lesson 3 notes, what does fit_one_cycle do",
        _no_climb,
    ),
)
"""All cards."""


def trick(name: str) -> Trick:
    """The card of that name."""
    return next(one for one in TRICKS if one.name == name)
