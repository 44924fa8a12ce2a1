"""The whole test loop against the released code, with a network that returns recorded maps."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from detection.settings import RELEASED

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
from cornernet.model.network import CornerOutputs
from parity.fixtures import compared, load, relative_difference, used
from parity.pairs import in_order, valid_rows

FILE = "postprocess"
SIZE_MULTIPLE = 128
HEADS = ("tl_heat", "br_heat", "tl_tag", "br_tag", "tl_regr", "br_regr")
CPU = torch.device("cpu")
RUNS = sorted(
    key.removesuffix("_final_boxes") for key in load(FILE) if key.endswith("_final_boxes")
)


class RecordedNetwork:
    """Returns the maps that the file holds for an input of that size; remembers its inputs."""

    def __init__(self, arrays):
        self.arrays = arrays
        self.inputs = {}

    def __call__(self, images):
        size = f"{images.shape[2]}x{images.shape[3]}"
        self.inputs[size] = images
        keys = [f"net{size}_{head}" for head in HEADS]
        used(FILE, *keys)
        return CornerOutputs(*(torch.from_numpy(self.arrays[key]) for key in keys))


def params_of(run, arrays):
    """What the run's name and its entries say."""
    used(FILE, f"{run}_scales", f"{run}_weight_exp")
    method = run.partition("_")[2] or "gaussian"
    return replace(
        RELEASED,
        scales=tuple(arrays[f"{run}_scales"].tolist()),
        merge_exponent=float(arrays[f"{run}_weight_exp"]),
        soft_nms=replace(RELEASED.soft_nms, method=method),
    )


def mode_of(run):
    return "multi_scale" if run.startswith("multi") else "single_scale"


def prepared(arrays, run, params):
    used(FILE, "image")
    image = arrays["image"]
    placements = placements_of(*image.shape[:2], SIZE_MULTIPLE, params, mode_of(run))
    return prepare_image(image, placements)


def recorded_pairs(arrays, run, scale):
    """Valid rows of the image and of its mirror, as the released code decoded them."""
    run = run.partition("_")[0]  # `single_linear` has the pairs of `single`
    keys = [f"{run}_decoded_scale{scale:g}_{side}" for side in ("original", "flipped")]
    return [arrays[key] for key in keys]


def close(key, value, tolerance, order=np.asarray):
    reference = load(FILE)[key]
    assert np.shape(value) == reference.shape
    value, reference = order(value), order(reference)
    np.testing.assert_allclose(value, reference, rtol=tolerance, atol=tolerance)
    compared(FILE, key, relative_difference(value, reference))


@pytest.mark.parametrize("run", RUNS)
def test_detections(run, monkeypatch):
    arrays = load(FILE)
    params, mode = params_of(run, arrays), mode_of(run)
    monkeypatch.setattr(detector, "decode", decode_to_the_bit(arrays, run, params.scales))

    image = prepared(arrays, run, params)
    (candidates,) = find_candidates(RecordedNetwork(arrays), [image], params, mode, CPU)
    found = choose_detections(candidates, params, mode)

    rows = np.column_stack([found.boxes, found.scores, found.categories + 1])
    close(f"{run}_final_boxes", rows, 1e-5)


def decode_to_the_bit(arrays, run, scales):
    """`decode`, but the last bits of its scores are the released code's.

    Its sigmoid is in float32, ours is rounded from float64. Where that swaps two boxes in soft-NMS,
    each lowers the other's score in turn, and all that follows differs.
    """
    scales = iter(scales)

    def decode_as_recorded(outputs, params):
        recorded = recorded_pairs(arrays, run, next(scales))
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
    arrays = load(FILE)
    boxes, scores, categories = np.split(arrays[f"{run}_final_boxes"], [4, 5], axis=1)
    recorded = Detections(boxes, scores[:, 0], categories[:, 0].astype(np.int64) - 1)
    key = f"{run}_coco_results"
    reference = arrays[key][np.argsort(-recorded.scores, kind="stable")]

    category_ids = range(1, 1 + int(categories.max(initial=0)))
    found = coco_results(recorded, 0, category_ids, params_of(run, arrays).score_decimals)

    results = [(result["category_id"], *result["bbox"], result["score"]) for result in found]
    np.testing.assert_array_equal(np.reshape(results, reference.shape), reference)
    compared(FILE, key, 0)


@pytest.mark.parametrize("run", RUNS)
def test_decoded_pairs(run):
    """Before mirrored boxes are brought back: in cells, as many as in the released code."""
    arrays = load(FILE)
    params = params_of(run, arrays)
    image = prepared(arrays, run, params)
    for scale, canvas in zip(params.scales, image.canvases, strict=True):
        outputs = run_network(RecordedNetwork(arrays), [canvas], params, CPU)
        rows = valid_rows(decode(outputs, params))
        close(f"{run}_num_valid_scale{scale:g}", [len(image) for image in rows], 0)
        for side, name in enumerate(("original", "flipped")):
            key = f"{run}_decoded_scale{scale:g}_{name}"
            if key in arrays:
                close(key, rows[side], 1e-6, in_order)


def test_network_inputs():
    """What the network is shown: shape, sampled values, sums of the channels."""
    arrays = load(FILE)
    network = RecordedNetwork(arrays)
    for run in RUNS:
        params = params_of(run, arrays)
        find_candidates(network, [prepared(arrays, run, params)], params, mode_of(run), CPU)
    recorded = {match[1] for match in (re.match(r"net(\d+x\d+)_", key) for key in arrays) if match}
    assert set(network.inputs) == recorded
    for size, images in network.inputs.items():
        used(FILE, f"net{size}_input_positions")
        values = images.numpy()
        close(f"net{size}_input_shape", values.shape, 0)
        positions = arrays[f"net{size}_input_positions"]
        close(f"net{size}_input_values", values[0].ravel()[positions], 1e-5)
        close(f"net{size}_input_channel_sums", values[0].sum(axis=(1, 2), dtype=np.float64), 1e-5)
        np.testing.assert_array_equal(values[1], values[0, :, :, ::-1])


def test_rescaling():
    arrays = load(FILE)
    ratio, borders, size = (
        tuple(arrays[f"rescale_{name}"][0].tolist()) for name in ("ratios", "borders", "sizes")
    )
    used(FILE, "rescale_in", "rescale_ratios", "rescale_borders", "rescale_sizes")
    # what `to_image` reads of a Placement; which canvas the ratios are of does not matter
    placement = SimpleNamespace(ratio=ratio, start=borders[::2], size=size, scale=1.0)

    rows = arrays["rescale_in"][0]
    boxes = to_image(rows[:, :4], placement)

    close("rescale_out", np.concatenate([boxes, rows[:, 4:]], axis=1)[None], 1e-6)
