"""The whole test loop against the released code, with a network that returns recorded maps."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from detection.settings import RELEASED

from cornernet.detection.decode import decode
from cornernet.detection.detector import (
    choose_detections,
    find_candidates,
    placements_of,
    prepare_image,
)
from cornernet.detection.network import run_network
from cornernet.detection.padding import Placement, to_image
from cornernet.detection.predict import coco_results
from cornernet.model.network import CornerOutputs
from parity.fixtures import compared, load, relative_difference, used

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


def close(key, value, tolerance):
    reference = load(FILE)[key]
    assert np.shape(value) == reference.shape
    np.testing.assert_allclose(value, reference, rtol=tolerance, atol=tolerance)
    compared(FILE, key, relative_difference(value, reference))


@pytest.mark.parametrize("run", RUNS)
def test_detections(run):
    arrays = load(FILE)
    params, mode = params_of(run, arrays), mode_of(run)

    image = prepared(arrays, run, params)
    (candidates,) = find_candidates(RecordedNetwork(arrays), [image], params, mode, CPU)
    found = choose_detections(candidates, params, mode)

    rows = np.column_stack([found.boxes, found.scores, found.categories + 1])
    close(f"{run}_final_boxes", rows, 1e-5)
    check_results(run, found, params.score_decimals)


def check_results(run, found, decimals):
    """COCO results come best first here, by category in the released code."""
    reference = load(FILE)[f"{run}_coco_results"][np.argsort(-found.scores, kind="stable")]
    category_ids = range(1, 2 + found.categories.max())
    results = np.array(
        [
            (result["category_id"], *result["bbox"], result["score"])
            for result in coco_results(found, 0, category_ids, decimals)
        ]
    )
    # a value within an ulp of a half may be rounded to the other side
    assert (results != reference).sum() <= reference.size // 100
    np.testing.assert_allclose(results, reference, rtol=0, atol=0.0101)
    compared(FILE, f"{run}_coco_results", np.abs(results - reference).max(initial=0))


@pytest.mark.parametrize("run", RUNS)
def test_decoded_pairs(run):
    """Before mirrored boxes are brought back: in cells, as many as in the released code."""
    arrays = load(FILE)
    params = params_of(run, arrays)
    image = prepared(arrays, run, params)
    for scale, canvas in zip(params.scales, image.canvases, strict=True):
        outputs = run_network(RecordedNetwork(arrays), [canvas], params, CPU)
        pairs = decode(outputs, params)
        close(f"{run}_num_valid_scale{scale:g}", pairs.valid.sum(dim=1).numpy(), 0)
        columns = (pairs.score, pairs.tl_score, pairs.br_score, pairs.category)
        rows = torch.cat([pairs.boxes, torch.stack(columns, dim=2)], dim=2).numpy()
        for side, name in enumerate(("original", "flipped")):
            key = f"{run}_decoded_scale{scale:g}_{name}"
            if key in arrays:
                close(key, rows[side][pairs.valid[side].numpy()], 1e-6)


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
    used(FILE, "rescale_in", "rescale_ratios", "rescale_borders", "rescale_sizes")
    ratios, borders = arrays["rescale_ratios"][0], arrays["rescale_borders"][0]
    # ratio = (side + 1) / 4 / side
    height, width = (round(1 / (4 * ratio - 1)) for ratio in ratios.tolist())
    size = tuple(int(side) for side in arrays["rescale_sizes"][0])
    placement = Placement(1.0, size, (height, width), (int(borders[0]), int(borders[2])), False)
    np.testing.assert_array_equal(np.float32(placement.ratio), ratios)

    rows = arrays["rescale_in"][0]
    boxes = to_image(rows[:, :4], placement)

    close("rescale_out", np.concatenate([boxes, rows[:, 4:]], axis=1)[None], 1e-6)
