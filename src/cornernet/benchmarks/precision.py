"""Training in bf16 beside fp32: the same start, the same images, some hundred iterations.

Loss curves and gradient norms side by side, and what a network trained in fp32 predicts when it is
tested in bf16. The curves must not agree to the digit: rounding differs, and training amplifies it.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import torch

from cornernet.benchmarks.agreement import require
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.gpu import note_of
from cornernet.benchmarks.record import Claim, Measurement, Result
from cornernet.benchmarks.short_training import Curve, follow, mid_size, new_trainer, real_split
from cornernet.benchmarks.timing import Spread
from cornernet.detection.network import as_network
from cornernet.model.network import CornerNet

ITERATIONS, QUICK_ITERATIONS = 300, 3
KINDS = ("fp32", "bf16")
AIM_LOSS = 0.05  # of the mean loss of the last third
AIM_OUTPUTS = 0.05  # of the largest value of a map
POINTS = 30  # of each curve that go into the record


def run(conditions: Conditions) -> Result:
    """Train twice; compare the curves, then the maps of the fp32 network in both precisions."""
    iterations = QUICK_ITERATIONS if conditions.quick else ITERATIONS
    workers = 0 if conditions.quick else max(1, (os.cpu_count() or 2) - 1)
    lines: list[str] = []
    curves: dict[str, Curve] = {}
    with tempfile.TemporaryDirectory() as folder:
        split, origin = real_split(conditions, "train", Path(folder))
        for kind in reversed(KINDS):  # fp32 last: its network is the one that is tested
            params = mid_size(
                conditions, precision=kind, compile=False, iterations=iterations, workers=workers
            )
            trainer = new_trainer(params, split, conditions.device, lines.append)
            curves[kind] = follow(trainer, split)
    finite = all(np.isfinite(curve.losses).all() for curve in curves.values())
    measurements = [m for kind in KINDS for m in _described(kind, curves[kind])]
    late = {kind: float(np.mean(_last_third(curves[kind].losses))) for kind in KINDS}
    apart = abs(late["bf16"] / late["fp32"] - 1)
    outputs = _outputs_apart(trainer.model, params.augmentation.input_size)
    return Result(
        measurements=tuple(measurements),
        claims=(
            Claim("loss", "bf16 / fp32 - 1, last third", Spread.of([apart]), AIM_LOSS, False),
            Claim("maps", "largest difference", Spread.of([outputs]), AIM_OUTPUTS, False),
        ),
        checks=(require("all losses are finite", finite),),
        notes=(note_of(conditions.device, conditions.quick), origin, *lines),
        sizes={
            "iterations": iterations,
            "pixels": params.augmentation.input_size,
            "chunks": list(params.train.chunks),
            "curves": {kind: _points(curves[kind]) for kind in KINDS},
        },
    )


def _described(kind: str, curve: Curve) -> list[Measurement]:
    first = curve.losses[: max(1, len(curve.losses) // 3)]
    parts = {
        "loss, first third": first,
        "loss, last third": _last_third(curve.losses),
        "gradient norm": curve.gradient_norms,
    }
    found = [Measurement(name, kind, Spread.of(list(v)), "", kind) for name, v in parts.items()]
    pace = len(curve.losses) / max(curve.seconds, 1e-9)
    return [*found, Measurement("pace", kind, Spread.of([pace]), "iterations/s", kind)]


def _last_third(values: tuple[float, ...]) -> tuple[float, ...]:
    return values[-max(1, len(values) // 3) :]


def _points(curve: Curve) -> dict[str, list[float]]:
    """Means of up to `POINTS` stretches of each curve."""
    return {
        name: [round(float(part.mean()), 5) for part in np.array_split(values, POINTS) if len(part)]
        for name, values in (("loss", curve.losses), ("gradient_norm", curve.gradient_norms))
    }


def _outputs_apart(model: CornerNet, size: int) -> float:
    """Largest difference of a map tested in bf16 and in fp32, relative to its largest value."""
    device = next(model.parameters()).device
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    with torch.inference_mode():
        exact, lower = as_network(model)(images), as_network(model, "bf16")(images)
    return max(
        float((ours.float() - theirs).abs().max() / theirs.abs().max())
        for ours, theirs in zip(lower, exact, strict=True)
    )
