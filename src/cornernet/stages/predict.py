"""`cornernet predict`: detections of a trained model on a split (section 4.2)."""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from cornernet.config import Params, resolve_variant
from cornernet.data.coco import load_split
from cornernet.detection.network import as_network
from cornernet.detection.predict import predict_split
from cornernet.files import write_json
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights
from cornernet.paths import Paths, Tested, provenance
from cornernet.stages.devices import leased_gpus
from cornernet.stages.inputs import refresh
from cornernet.stages.options import existing, params_of, tested_of
from cornernet.stages.provenance import Stopwatch, describe, file_digest

SECONDS_BETWEEN_LINES = 5.0


def run(options: argparse.Namespace) -> None:
    """Write the detections as COCO results, and how they were made beside them."""
    profile = params_of(options)
    tested = tested_of(options, profile)
    params = resolve_variant(profile, tested.trained.variant)
    refresh(profile, ("predict",))
    paths = Paths(profile.profile)
    dataset = json.loads(existing(paths.dataset, "prepare").read_text())
    weights = existing(paths.weights(tested.trained), "train")
    wanted = 1 if options.devices is None else min(options.devices, 1)
    watch = Stopwatch()
    with leased_gpus(wanted, report=lambda line: _say(f"{tested}: {line}")) as gpus:
        device = torch.device("cuda:0" if gpus else "cpu")
        model = CornerNet(len(dataset["categories"]), params.model)
        load_weights(weights, model)
        results, seconds = _predict(model.to(device), params, tested, device)
    write_json_lines(paths.detections(tested), results)
    write_json(
        provenance(paths.detections(tested)),
        describe(
            params,
            "predict",
            watch,
            weights_digest=file_digest(weights),
            device=str(device),
            images=dataset["splits"][tested.split]["images"],
            seconds_per_image=seconds / max(1, dataset["splits"][tested.split]["images"]),
        ),
    )
    print(f"{tested}: {len(results):,} detections")


def _predict(
    model: CornerNet, params: Params, tested: Tested, device: torch.device
) -> tuple[list[dict[str, object]], float]:
    """COCO results, and the seconds that reading, testing and soft-NMS took."""
    torch.set_num_threads(params.detection.threads)
    split = load_split(Path(params.data.root), params.data.splits[tested.split], tested.split)
    began = time.monotonic()
    results = predict_split(
        as_network(model),
        params.model,
        split,
        params.detection,
        tested.mode,
        device,
        _Progress(str(tested)),
    )
    return results, time.monotonic() - began


def write_json_lines(path: Path, rows: list[dict[str, object]]) -> None:
    """A JSON list with one entry a line, atomically."""
    from cornernet.files import write_text

    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    write_text(path, f"[\n{lines}\n]\n" if rows else "[]\n")


class _Progress:
    """A line every few seconds: images done, images a second, time left."""

    def __init__(self, name: str) -> None:
        self._name, self._began, self._said = name, time.monotonic(), time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0 or (now - self._said < SECONDS_BETWEEN_LINES and done < total):
            return
        self._said = now
        rate = done / max(now - self._began, 1e-9)
        _say(
            f"{self._name}  image {done}/{total}  {rate:.1f} images/s  "
            f"{(total - done) / rate:.0f} s left"
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
