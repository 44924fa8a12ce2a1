"""The whole test loop against the released code, with a network that returns recorded maps."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from detection.detection_case import RELEASED

from cornernet.detection import detector
from cornernet.detection.decode import CornerPairs, decode
from cornernet.detection.detector import (
    Detections,
    choose_detections,
    find_candidates,
    placements_of,
    prepare_image,
)
from cornernet.detection.network import run_network
from cornernet.detection.padding import to_image
from cornernet.detection.predict import coco_results
from parity.fixtures import Fixture, in_order, valid_rows

ARRAYS = Fixture("postprocess")
CPU = torch.device("cpu")
RUNS = ARRAYS.names(r"(.+)_final_boxes")


class RecordedNetwork:
    """Returns the maps that the file holds for an input of that size; remembers its inputs."""

    def __init__(self):
        self.inputs = {}

    def __call__(self, images):
        size = f"{images.shape[2]}x{images.shape[3]}"
        self.inputs[size] = images
        return ARRAYS.outputs(f"net{size}_")


def asked(run):
    """What the run's name and its entries say: params and mode; and the image for them."""
    params = replace(
        RELEASED,
        scales=tuple(ARRAYS[f"{run}_scales"].tolist()),
        merge_exponent=float(ARRAYS[f"{run}_weight_exp"]),
        soft_nms=replace(RELEASED.soft_nms, method=run.partition("_")[2] or "gaussian"),
    )
    mode = "multi_scale" if run.startswith("multi") else "single_scale"
    image = ARRAYS["image"]
    placements = placements_of(*image.shape[:2], 128, params, mode)
    return params, mode, prepare_image(image, placements)


@pytest.mark.parametrize("run", RUNS)
def test_detections(run, monkeypatch):
    params, mode, image = asked(run)
    monkeypatch.setattr(detector, "decode", decode_to_the_bit(run, params.scales))
    (candidates,) = find_candidates(RecordedNetwork(), [image], params, mode, CPU)
    found = choose_detections(candidates, params, mode)
    rows = np.column_stack([found.boxes, found.scores, found.categories + 1])
    ARRAYS.check(f"{run}_final_boxes", rows, 1e-5, 1e-5)


def decode_to_the_bit(run, scales):
    """`decode`, but the last bits of its scores are the released code's.

    Its sigmoid is in float32, ours is rounded from float64. Where that swaps two boxes in soft-NMS,
    each lowers the other's score in turn, and all that follows differs.
    """
    scales = iter(scales)
    run = run.partition("_")[0]  # `single_linear` has the pairs of `single`

    def decode_as_recorded(outputs, params):
        key = f"{run}_decoded_scale{next(scales):g}"
        recorded = [ARRAYS[f"{key}_{side}"] for side in ("original", "flipped")]
        for ours, theirs in zip(valid_rows(decode(outputs, params)), recorded, strict=True):
            np.testing.assert_allclose(in_order(ours), in_order(theirs), rtol=1e-6, atol=1e-6)
        rows = torch.full((len(recorded), max(map(len, recorded)), 8), -1.0)
        for image, theirs in zip(rows, recorded, strict=True):
            image[: len(theirs)] = torch.from_numpy(theirs)
        boxes, (score, tl_score, br_score, category) = rows[..., :4], rows[..., 4:].unbind(2)
        return CornerPairs(boxes, score, tl_score, br_score, category.long(), score > -1)

    return decode_as_recorded


@pytest.mark.parametrize("run", RUNS)
def test_results(run):
    """Rounded from the recorded boxes: one in the last bit away from a half may round otherwise.

    COCO results come best first here, by category in the released code.
    """
    boxes, scores, categories = np.split(ARRAYS[f"{run}_final_boxes"], [4, 5], axis=1)
    recorded = Detections(boxes, scores[:, 0], categories[:, 0].astype(np.int64) - 1)
    key = f"{run}_coco_results"
    reference = ARRAYS[key][np.argsort(-recorded.scores, kind="stable")]
    category_ids = range(1, 1 + int(categories.max(initial=0)))
    found = coco_results(recorded, 0, category_ids, RELEASED.score_decimals)
    results = [(result["category_id"], *result["bbox"], result["score"]) for result in found]
    ARRAYS.compare(key, np.reshape(results, reference.shape), reference)


@pytest.mark.parametrize("run", RUNS)
def test_decoded_pairs(run):
    """Before mirrored boxes are brought back: in cells, as many as in the released code."""
    params, _, image = asked(run)
    for scale, canvas in zip(params.scales, image.canvases, strict=True):
        outputs = run_network(RecordedNetwork(), [canvas], params, CPU)
        rows = valid_rows(decode(outputs, params))
        ARRAYS.check(f"{run}_num_valid_scale{scale:g}", [len(image) for image in rows])
        for side, name in enumerate(("original", "flipped")):
            key = f"{run}_decoded_scale{scale:g}_{name}"
            if key in ARRAYS:
                ARRAYS.compare(key, in_order(rows[side]), in_order(ARRAYS[key]), 1e-6, 1e-6)


def test_network_inputs():
    """What the network is shown: shape, sampled values, sums of the channels."""
    network = RecordedNetwork()
    for run in RUNS:
        params, mode, image = asked(run)
        find_candidates(network, [image], params, mode, CPU)
    assert set(network.inputs) == set(ARRAYS.names(r"net(\d+x\d+)_.*"))
    for size, images in network.inputs.items():
        values, key = images.numpy(), f"net{size}_input"
        ARRAYS.check(f"{key}_shape", values.shape)
        sampled = values[0].ravel()[ARRAYS[f"{key}_positions"]]
        ARRAYS.check(f"{key}_values", sampled, 1e-5, 1e-5)
        sums = values[0].sum(axis=(1, 2), dtype=np.float64)
        ARRAYS.check(f"{key}_channel_sums", sums, 1e-5, 1e-5)
        np.testing.assert_array_equal(values[1], values[0, :, :, ::-1])


def test_rescaling():
    ratio, borders, size = (
        tuple(ARRAYS[f"rescale_{name}"][0].tolist()) for name in ("ratios", "borders", "sizes")
    )
    # what `to_image` reads of a Placement; which canvas the ratios are of does not matter
    placement = SimpleNamespace(ratio=ratio, start=borders[::2], size=size, scale=1.0)
    rows = ARRAYS["rescale_in"][0]
    boxes = to_image(rows[:, :4], placement)
    ARRAYS.check("rescale_out", np.concatenate([boxes, rows[:, 4:]], axis=1)[None], 1e-6, 1e-6)
