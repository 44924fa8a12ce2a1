"""One image of 511 x 511 pixels through the network as testing runs it, beside its plain form.

Plain: the modules as they are trained, in evaluation mode, maps as NCHW, float32: what the released
code runs. Weights are random (time does not depend on them) with batch norms as after a training.
With trained weights, detections on the profile's val split show what bfloat16 costs in AP.
"""

import dataclasses
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from cornernet.benchmarks.agreement import require_same
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.floors import convolution_rate
from cornernet.benchmarks.record import (
    Claim,
    Measurement,
    Result,
    floor_of,
    timed,
    times_as_fast,
)
from cornernet.benchmarks.timing import Side, Spread, time_in_turn
from cornernet.config.schema import Model, Params
from cornernet.data.coco.split import load_split
from cornernet.detection.network import Network, as_network
from cornernet.detection.predict import predict_split
from cornernet.evaluation.coco_metrics import evaluate_detections
from cornernet.model.cost import network_cost
from cornernet.model.network import CornerNet, CornerOutputs
from cornernet.model.weights import load_weights, num_categories

CATEGORIES = 80
QUICK_WIDTH, QUICK_CATEGORIES, QUICK_SIZE = 16, 3, 63
PLAIN, OURS, BF16 = "plain modules", "ours", "ours, bf16"
AIM, AIM_BF16, AIM_AP = 1.1, 2.0, 0.2
# Rounding, relative to the largest output: float32 through a hundred layers; bfloat16 has 8 bits.
SAME, SAME_BF16 = 1e-4, 0.1


def run(conditions: Conditions) -> Result:
    """Time the three ways on one image, then compare AP where there are trained weights."""
    params, categories, size = _asked(conditions)
    window = conditions.window(rounds=7, seconds=90)
    model = _model(params, categories)
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    networks: dict[str, Network] = {
        OURS: as_network(model),
        BF16: as_network(model, "bf16"),
        PLAIN: partial(_last_stack, model),
    }
    with torch.inference_mode():
        checks = _checks({side: network(images) for side, network in networks.items()})
        sides: dict[str, Side] = {
            side: partial(network, images) for side, network in networks.items()
        }
        times = time_in_turn(sides, window)
    operations = network_cost(params, categories, size, last_only=True).operations
    floors = []
    for side, kind in ((OURS, torch.float32), (BF16, torch.bfloat16)):
        rate = convolution_rate(kind, quick=conditions.quick)
        floors.append(floor_of("", side, "arithmetic", operations, rate, times[side]))
    losses = _lost_precision(conditions)
    return Result(
        measurements=(
            *timed("", {side: times[side] for side in (OURS, PLAIN)}),
            *timed("", {BF16: times[BF16]}, precision="bfloat16"),
            *losses[0],
        ),
        claims=(
            times_as_fast("", times, PLAIN, AIM),
            times_as_fast("", times, PLAIN, AIM_BF16, ours=BF16),
            *losses[1],
        ),
        floors=tuple(floors),
        checks=checks,
        notes=() if conditions.weights else ("no trained weights given: AP in bf16 not compared",),
        sizes={"pixels": size, "categories": categories, "operations": operations},
        window=window,
    )


def _asked(conditions: Conditions) -> tuple[Model, int, int]:
    """The network's params, its categories, and the side of the image in pixels."""
    params = conditions.params
    if not conditions.quick:
        return params.model, CATEGORIES, params.augmentation.input_size
    width = QUICK_WIDTH
    tiny = dataclasses.replace(
        params.model, dims=(width, width), modules=(1, 1), stem_channels=width, pool_channels=width
    )
    return tiny, QUICK_CATEGORIES, QUICK_SIZE


def _model(params: Model, categories: int) -> CornerNet:
    """A network with random weights and statistics, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CornerNet(categories, params)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
    return model.eval()


def _last_stack(model: CornerNet, images: Tensor) -> CornerOutputs:
    return model(images, last_only=True)[-1]


def _checks(outputs: dict[str, CornerOutputs]) -> tuple[str, ...]:
    """All six maps of each way against the plain one, relative to the largest value."""
    sentences = []
    for side, tolerance in ((OURS, SAME), (BF16, SAME_BF16)):
        for name, ours, plain in zip(
            CornerOutputs._fields, outputs[side], outputs[PLAIN], strict=True
        ):
            scale = plain.abs().max()
            sentences.append(
                require_same(f"{side}: {name}", ours.float() / scale, plain / scale, tolerance)
            )
    return tuple(sentences)


def _lost_precision(conditions: Conditions) -> tuple[list[Measurement], list[Claim]]:
    """AP on the profile's val split in both precisions, and the difference."""
    if conditions.weights is None:
        return [], []
    values = {
        kind: _average_precision(conditions.params, conditions.weights, kind)
        for kind in ("fp32", "bf16")
    }
    measurements = [
        Measurement("val", f"AP in {kind}", Spread.of([value]), "percent", kind)
        for kind, value in values.items()
    ]
    lost = Spread.of([abs(values["fp32"] - values["bf16"])])
    return measurements, [
        Claim("val", "difference of AP, bf16 and fp32", lost, AIM_AP, at_least=False)
    ]


def _average_precision(params: Params, weights: Path, precision: str) -> float:
    """AP in percent of trained weights on the profile's val split, in fp32 or bf16."""
    detection = dataclasses.replace(params.detection, precision=precision)  # type: ignore[arg-type]
    split = load_split(Path(params.data.root), params.data.splits["val"], "val")
    model = CornerNet(num_categories(weights), params.model)
    load_weights(weights, model)
    results = predict_split(
        as_network(model, precision),
        params.model,
        split,
        detection,
        "single_scale",
        torch.device("cpu"),
        lambda done, total: None,
    )
    annotations = Path(params.data.root) / params.data.splits["val"].annotations
    return evaluate_detections(annotations, results).metrics["AP"] or 0.0
