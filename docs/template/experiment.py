"""Gradient descent on x squared: every step goes downhill, unless it is too long."""

from labcore.errors import UserError
from labcore.runs.job import Job
from labcore.specs import DescentSpec


def run(spec: DescentSpec, job: Job) -> dict[str, float]:
    """Walk down ``x ** 2``; logs ``loss`` at every step.

    Returns:
        ``loss`` at the end, ``x``, and ``baseline_loss``, that of standing still.

    Raises:
        UserError: the walk left all numbers behind.
    """
    job.describe(device="cpu", environment={})
    x = spec.start
    path = [x]
    for step in range(spec.steps):
        job.stop_here()
        job.log("loss", step, x * x)
        x -= spec.lr * 2 * x
        if abs(x) > 1e12:
            raise UserError(f"After {step + 1} steps x is {x:.1e}: it diverged. Take a rate below 1.")
        path.append(x)
        job.progress(step + 1, spec.steps, "descending")
    job.save("path.json", {"x": path})
    return {"loss": x * x, "x": x, "baseline_loss": spec.start**2}
