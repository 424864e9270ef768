"""``python -m labcore.models.pretraining``: draw pictures, train a backbone, publish it; may be cut off and run again.

The same arguments give the same pictures on any machine, and the same weights up to rounding where the run was not cut.
"""

import argparse
from pathlib import Path

from labcore.models.pretraining.pictures import World
from labcore.models.pretraining.train import Plan
from labcore.models.pretraining.workers import Job, train_together

WEIGHTS = Path(__file__).resolve().parents[3] / "assets" / "weights"


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m labcore.models.pretraining", description=__doc__)
    parser.add_argument("--arch", default=Plan.arch, help="a timm net with features at strides 8, 16 and 32")
    parser.add_argument("--kinds", type=int, default=World.kinds, help="kinds of things in the world")
    parser.add_argument("--pictures", type=int, default=World.count, help="pictures drawn")
    parser.add_argument("--seen", type=int, default=Plan.seen, help="pictures trained on in all, repeats counted")
    parser.add_argument("--batch", type=int, default=Plan.batch)
    parser.add_argument("--rate", type=float, default=Plan.peak_rate, help="peak learning rate")
    parser.add_argument("--decay", type=float, default=Plan.decay, help="share of the run in which the rate falls")
    parser.add_argument("--size", type=int, default=Plan.size, help="pixels along each side in training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default=Plan.precision)
    parser.add_argument("--processes", type=int, default=2, help="processes of one thread each that draw and train")
    parser.add_argument("--scratch", type=Path, default=Path(".lab/pretraining"), help="pictures, log and checkpoint")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights are published")
    asked = parser.parse_args()

    world = World(kinds=asked.kinds, count=asked.pictures, seed=asked.seed)
    plan = Plan(asked.arch, asked.seen, asked.batch, asked.size, asked.rate, asked.decay, asked.seed, asked.precision)
    train_together(Job(plan, world, asked.scratch, asked.out), asked.processes)


if __name__ == "__main__":
    main()
