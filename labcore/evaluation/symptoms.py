"""Reading a training run as the notes do: underfitting, overfitting, a rate too high, a rate too low.

Each sign is decided from the run's own curves and comes with the numbers that show it, so that a person can disagree.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

CLIMB = 1.5
"""A smoothed training loss this many times its earlier best has been thrown back by too large a step. Less is the
bump that a good one-cycle may show ("often your loss will go up a bit before going down again")."""
FAR = 0.1
"""A climb of less than this share of guessing's loss is noise near the bottom, whatever its ratio."""
BUMP = 1.05
"""A climb of at least this that is made good again is the notes' sign of a good top rate."""
GAP = 2.0
"""A valid loss this many times the training loss, and above guessing: the notes' "too high compared to train"."""
HARDLY = 0.25
"""A training loss that fell by less than this share of the way from guessing to 0 has hardly moved."""
STRAIGHT = 0.6
"""The later half's fall as a share of the earlier half's: a curve that does not bend has not arrived."""
TURNED = 1.03
"""A valid loss that ends this many times above its lowest, while the training loss falls on, has turned."""
PLAIN_MARGIN = 1.02
"""Losses closer than this are equal: a few hundred pictures do not tell them apart."""
WARM_UP = 10
"""Batches after which the smoothed loss is more than the luck of its first few."""
SMOOTH_SHARE = 0.05
"""Share of a stage over which batch losses are averaged at its ends."""


@dataclass(frozen=True)
class Stretch:
    """One stage of a run, as recorded.

    Attributes:
        name: of the stage.
        train_loss: [steps] raw loss per batch.
        lr: [steps] rate of the head.
        valid_loss: [epochs] after each epoch.
        error_rate: [epochs] after each epoch.
        train_loss_epoch: [epochs] mean batch loss of each epoch.
        frozen: whether only the head trained.
    """

    name: str
    train_loss: np.ndarray
    lr: np.ndarray
    valid_loss: np.ndarray
    error_rate: np.ndarray
    train_loss_epoch: np.ndarray
    frozen: bool = False


@dataclass(frozen=True)
class Finding:
    """One sign and whether the run shows it.

    Attributes:
        sign: ``underfitting``, ``overfitting``, ``rate_too_high``, ``rate_too_low`` or ``good_rate``.
        present: whether the run shows it.
        evidence: the numbers behind the answer, in a sentence.
        remedies: what the notes advise, most promising first; empty where nothing is wrong.
        stage: where it shows, if in one stage.
    """

    sign: str
    present: bool
    evidence: str
    remedies: tuple[str, ...] = field(default=())
    stage: str = ""


def smoothed(losses: npt.ArrayLike, beta: float = 0.9) -> np.ndarray:
    """Exponential mean with bias correction, as fastai's recorder smooths; a NaN stays from where it is on."""
    losses = np.asarray(losses, float)
    out, mean = np.empty(len(losses)), 0.0
    for i, loss in enumerate(losses):
        mean = beta * mean + (1 - beta) * loss
        out[i] = mean / (1 - beta ** (i + 1))
    return out


def read(stretches: list[Stretch], classes: int, plain_train_loss: float | None = None) -> list[Finding]:
    """All five signs, those that are present first.

    Args:
        stretches: the stages in order; those without a batch are passed over.
        classes: from which the loss of guessing, log(classes), comes.
        plain_train_loss: loss on training pictures measured like the valid loss (no dropout, no augmentation), if
            known: it tells underfitting from mere dropout.
    """
    stretches = [stretch for stretch in stretches if len(stretch.train_loss)]
    if not stretches:
        return []
    findings = [
        rate_too_high(stretches, classes),
        rate_too_low(stretches, classes),
        underfitting(stretches[-1], plain_train_loss),
        overfitting(stretches),
        good_rate(stretches),
    ]
    known = [finding for finding in findings if finding is not None]
    return sorted(known, key=lambda finding: not finding.present)


def rate_too_high(stretches: list[Stretch], classes: int) -> Finding:
    """The loss is no number, is thrown back for good, or the valid loss ends above guessing and far above train."""
    remedies = ("Divide the rate by ten.", "Look at the LR finder again: take the steepest place, not the bottom.")
    for stretch in stretches:
        broken = np.flatnonzero(~np.isfinite(stretch.train_loss))
        if broken.size:
            at = int(broken[0])
            evidence = f"At batch {at + 1} of {stretch.name} the loss stopped being a number, at a rate of "
            return Finding("rate_too_high", True, evidence + f"{stretch.lr[at]:.2g}.", remedies, stretch.name)
    for stretch in stretches:
        curve, lowest, worst = _climb(stretch)
        end = _end(stretch.train_loss)
        thrown_back = curve[worst] > CLIMB * lowest[worst] and curve[worst] - lowest[worst] > FAR * np.log(classes)
        if thrown_back and end > CLIMB * lowest[worst]:
            evidence = (
                f"In {stretch.name} the smoothed training loss climbed from {lowest[worst]:.2f} to {curve[worst]:.2f}, "
                f"at a rate of {stretch.lr[worst]:.2g}, and ended at {end:.2f}: it diverged."
            )
            return Finding("rate_too_high", True, evidence, remedies, stretch.name)
    guessing = float(np.log(classes))
    for stretch in stretches:
        if not len(stretch.valid_loss):
            continue
        valid, train = float(stretch.valid_loss[-1]), float(stretch.train_loss_epoch[-1])
        if not np.isfinite(valid) or (valid > guessing and valid > GAP * train):
            evidence = (
                f"{stretch.name} ended with a valid loss of {valid:.2f}, above guessing ({guessing:.2f}) and "
                f"{valid / train:.1f} times the training loss ({train:.2f})."
            )
            return Finding("rate_too_high", True, evidence, remedies, stretch.name)
    highest = max(float(stretch.lr.max(initial=0)) for stretch in stretches)
    climbs = [curve[worst] / lowest[worst] for curve, lowest, worst in map(_climb, stretches)]
    evidence = f"At rates up to {highest:.2g} the smoothed training loss never rose above {max(climbs):.2f} times "
    return Finding("rate_too_high", False, evidence + f"its best; {CLIMB:g} times would be divergence.")


def rate_too_low(stretches: list[Stretch], classes: int) -> Finding | None:
    """The training loss hardly fell, or fell as fast at the end of the first stage as at its start.

    The notes ask how one knows that it falls slowly: by the share of the way from guessing, log(classes), to 0 that a
    stage covers, and by the bend of its curve. A half is half of the summed rates, not of the batches, so that a
    schedule that climbs late does not look straight.
    """
    readable = [stretch for stretch in stretches if len(stretch.train_loss) >= 8]
    if not readable:
        return None
    guessing = float(np.log(classes))
    stretch = readable[0]
    # A fresh head may begin far above guessing; coming down to it is no learning yet.
    start = min(_start(stretch.train_loss), guessing)
    middle, end = min(_middle(stretch), guessing), _end(stretch.train_loss)
    if not np.isfinite([start, middle, end]).all():
        return None
    # A head starts near guessing; a later stage starts where the first ended and may rightly move little.
    way = (start - end) / guessing
    early, late = start - middle, middle - end
    bend = late / early if early > 0 else np.inf
    hardly = 0 <= way < HARDLY and end > HARDLY * guessing
    straight = late > 0 and bend > STRAIGHT and end > guessing / 2
    text = (
        f"In {stretch.name} the training loss went from {start:.2f} to {end:.2f}, {max(way, 0):.0%} of the way from "
        f"guessing ({guessing:.2f}) to 0"
    )
    text += f", and fell {bend:.0%} as much in its later half as in its earlier one." if 0 <= bend < 100 else "."
    remedies = (
        "Raise the rate to what the LR finder suggests, three to ten times more.",
        "Or train longer; mind that many epochs at a small rate end in overfitting.",
        "If the body is frozen and neither helps, its features do not tell the classes apart: unfreeze.",
    )
    present = bool(hardly or straight)
    return Finding("rate_too_low", present, text, remedies if present else (), stretch.name if present else "")


def underfitting(last: Stretch, plain_train_loss: float | None) -> Finding | None:
    """The notes' sign, training loss above valid loss, checked against dropout and augmentation as its cause."""
    if not len(last.valid_loss) or not np.isfinite([last.valid_loss[-1], last.train_loss_epoch[-1]]).all():
        return None
    train, valid = float(last.train_loss_epoch[-1]), float(last.valid_loss[-1])
    remedies = (
        "Train more epochs.",
        "Use a smaller learning rate.",
        "Decrease regularization: weight decay, dropout, data augmentation.",
    )
    if train <= valid * PLAIN_MARGIN:
        return Finding(
            "underfitting", False, f"The training loss ({train:.3f}) ends below the valid loss ({valid:.3f})."
        )
    sign = f"The training loss ({train:.3f}) ends above the valid loss ({valid:.3f}), the notes' sign of underfitting"
    if plain_train_loss is None:
        return Finding("underfitting", True, sign + ".", remedies, last.name)
    if plain_train_loss <= valid * PLAIN_MARGIN:
        evidence = (
            f"{sign}. But measured in the same way, without dropout, augmentation and with the finished weights, it is "
            f"{plain_train_loss:.3f}: the gap came from how it was measured."
        )
        return Finding("underfitting", False, evidence)
    evidence = f"{sign}, and measured in the same way it is {plain_train_loss:.3f}, still above."
    return Finding("underfitting", True, evidence, remedies, last.name)


def overfitting(stretches: list[Stretch]) -> Finding | None:
    """The valid loss has turned upwards while the training loss falls on; whether the error follows is said too."""
    valid = np.concatenate([stretch.valid_loss for stretch in stretches])
    train = np.concatenate([stretch.train_loss_epoch for stretch in stretches])
    errors = np.concatenate([stretch.error_rate for stretch in stretches])
    if len(valid) < 3 or not np.isfinite(valid).all() or not np.isfinite(train).all():
        return None
    best = int(valid.argmin())
    turned = valid[-1] > TURNED * valid[best] and train[-1] < train[best]
    if not turned:
        where = (
            "in the last epoch" if best == len(valid) - 1 else f"in epoch {best + 1} and is {valid[-1]:.3f} at the end"
        )
        evidence = f"The valid loss is lowest ({valid[best]:.3f}) {where}."
        return Finding("overfitting", False, evidence)
    evidence = (
        f"The valid loss was lowest in epoch {best + 1} ({valid[best]:.3f}) and rose to {valid[-1]:.3f}, while the "
        f"training loss fell from {train[best]:.3f} to {train[-1]:.3f}. "
    )
    evidence += (
        f"The error rose too, from {errors[best]:.1%} to {errors[-1]:.1%}."
        if errors[-1] > errors[best]
        else f"The error did not rise ({errors[best]:.1%} to {errors[-1]:.1%}): it grows too sure rather than worse."
    )
    remedies = (
        "Train fewer epochs.",
        "Vary the pictures more (augmentation).",
        "Raise the weight decay.",
        "Get more data.",
    )
    return Finding("overfitting", True, evidence, remedies)


def good_rate(stretches: list[Stretch]) -> Finding | None:
    """The notes' good sign: the loss goes up a bit while the rate climbs, then declines below where it was."""
    for stretch in stretches:
        if len(stretch.train_loss) < 20 or not np.isfinite(stretch.train_loss).all():
            continue
        top = int(stretch.lr.argmax())
        curve, lowest, bump = _climb(stretch)
        risen = curve / lowest
        if BUMP < risen[bump] < CLIMB and top > 0 and curve[-1] < lowest[bump] and bump < len(curve) // 2:
            evidence = (
                f"In {stretch.name} the smoothed loss rose by {risen[bump] - 1:.0%} at a rate of "
                f"{stretch.lr[bump]:.2g} and then fell from {curve[bump]:.2f} to {curve[-1]:.2f}."
            )
            return Finding("good_rate", True, evidence, (), stretch.name)
    return None


def _climb(stretch: Stretch) -> tuple[np.ndarray, np.ndarray, int]:
    """The smoothed loss, its lowest value so far, and where it stands highest above that."""
    curve = smoothed(stretch.train_loss)
    # The first few values are one batch each: let them say nothing of a climb.
    skip = min(WARM_UP, len(curve) - 1)
    curve[:skip] = curve[skip]
    lowest = np.minimum.accumulate(curve)
    return curve, lowest, int((curve / lowest).argmax())


def _width(losses: np.ndarray) -> int:
    return max(1, int(len(losses) * SMOOTH_SHARE))


def _start(losses: np.ndarray) -> float:
    return float(losses[: _width(losses)].mean())


def _middle(stretch: Stretch) -> float:
    """Loss about the batch at which half of the summed rates has been spent."""
    spent, width = np.cumsum(stretch.lr), _width(stretch.train_loss)
    half = int(np.searchsorted(spent, spent[-1] / 2))
    return float(stretch.train_loss[max(0, half - width) : half + width].mean())


def _end(losses: np.ndarray) -> float:
    return float(losses[-max(3, _width(losses)) :].mean())
