"""ONNX files give, in ONNX Runtime, what the network and the decoding give in PyTorch."""

import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from detection.detection_case import CLEAN
from model.sizes import tiny_network

from cornernet.config import load_params
from cornernet.detection.decode import decode
from cornernet.detection.network import normalize_batch
from cornernet.detection.onnx_export import (
    DECODED,
    LARGEST_SIDE,
    OPSET,
    export_onnx,
    maximum_by_doublings,
)
from cornernet.errors import BadInput
from cornernet.model.corner_pooling import directional_pool
from cornernet.model.network import CornerNet, CornerOutputs

SIZES = [(1, 15, 31), (3, 63, 47)]  # batch, height, width: multiples of 16, less one
DECODING = replace(CLEAN, top_corners=12, max_pairs=200, embedding_distance=1.0)


def pixels(count, height, width):
    generator = torch.Generator().manual_seed(height)
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator)


def network(**changes):
    """An untrained network whose heatmaps differ from cell to cell, as a trained one's do."""
    model = tiny_network(**changes).eval()
    for module in (*model.top_left, *model.bottom_right):
        torch.nn.init.normal_(module.heatmap.output.weight, std=3)
        torch.nn.init.normal_(module.embedding.output.weight, std=3)
    return model


def run_file(path, images):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return [torch.from_numpy(found) for found in session.run(None, {"images": images.numpy()})]


def predicted(model, images):
    with torch.inference_mode():
        return model(normalize_batch(images), last_only=True)[-1]


def assert_same_maps(path, model, images):
    """Scores to 1e-4, all else to 1e-4 of its size."""
    wanted = predicted(model, images)
    for name, one, other in zip(CornerOutputs._fields, run_file(path, images), wanted, strict=True):
        if name.endswith("heat"):
            torch.testing.assert_close(one.sigmoid(), other.sigmoid(), rtol=0, atol=1e-4)
        spread = float(other.std())
        assert spread > 1e-6
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * spread)


@pytest.mark.parametrize("direction", ["top", "bottom", "left", "right"])
@pytest.mark.parametrize("size", [(1, 1), (5, 130), (2**10, 3)])
def test_doublings_give_what_corner_pooling_gives(direction, size):
    features = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    found, _ = maximum_by_doublings(features, direction)
    assert torch.equal(found, directional_pool(features, direction))


@pytest.mark.parametrize(
    "changes", [{}, {"corner_pooling": False}, {"add_predictions": True, "merge_kernel": 1}]
)
def test_maps_are_the_network_s_at_any_size(tmp_path, changes):
    path, model = tmp_path / "maps.onnx", network(**changes)
    export_onnx(model, path)
    for size in SIZES:
        assert_same_maps(path, model, pixels(*size))
    written = onnx.load(path)
    onnx.checker.check_model(written, full_check=True)
    assert {(used.domain, used.version) for used in written.opset_import} == {("", OPSET)}
    assert {node.domain for node in written.graph.node} == {""}
    assert not written.functions
    facts = {prop.key: prop.value for prop in written.metadata_props}
    assert facts["size_multiple"] == "16"
    assert facts["largest_side"] == str(LARGEST_SIDE)
    with pytest.raises(Exception, match=r"broadcast|reshape"):
        run_file(path, pixels(1, 15, 35))


def rows(boxes, *columns):
    """The pairs of an image, in an order that does not depend on how close scores were rounded."""
    table = torch.cat([boxes, torch.stack([column.float() for column in columns], dim=1)], dim=1)
    table = table[table[:, 4] > -1].double().numpy()
    return table[np.lexsort(np.round(table, 2).T)]


def assert_same_pairs(path, model, images):
    outputs = predicted(model, images)
    pairs = decode(outputs, DECODING)
    height, width = images.shape[2:]
    down, across = height / outputs.tl_heat.shape[2], width / outputs.tl_heat.shape[3]
    boxes = pairs.boxes * torch.tensor([across, down, across, down])
    found = run_file(path, images)
    assert [list(one.shape) for one in found[:2]] == [list(boxes.shape), list(pairs.score.shape)]
    wanted = zip(boxes, pairs.score, pairs.tl_score, pairs.br_score, pairs.category, strict=True)
    for one, other in zip(zip(*found, strict=True), wanted, strict=True):
        expected = rows(*other)
        assert 0 < len(expected) < DECODING.top_corners**2  # some are found, some rejected
        assert np.diff(one[1].numpy()).max() <= 0  # the best come first
        np.testing.assert_allclose(rows(*one)[:, 4:7], expected[:, 4:7], rtol=0, atol=1e-4)
        np.testing.assert_allclose(rows(*one), expected, rtol=1e-4, atol=1e-3)


def test_pairs_are_those_of_decoding_those_that_tie_too(tmp_path):
    path, model = tmp_path / "pairs.onnx", network()
    export_onnx(model, path, DECODING)
    assert [output.name for output in onnx.load(path).graph.output] == list(DECODED)
    for size in ((2, 31, 47), (1, 63, 63)):
        assert_same_pairs(path, model, pixels(*size))
    for module in (*model.top_left, *model.bottom_right):
        torch.nn.init.zeros_(module.heatmap.output.weight)  # every cell scores the same
    export_onnx(model, path, DECODING)
    assert_same_pairs(path, model, pixels(2, 31, 47))


@pytest.mark.slow
def test_hourglass_104(tmp_path):
    torch.manual_seed(0)
    model = CornerNet(80, load_params("paper").model).eval()
    export_onnx(model, tmp_path / "paper.onnx")
    assert_same_maps(tmp_path / "paper.onnx", model, pixels(1, 255, 383))


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_is_told_in_a_line(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        BadInput, match=f"{package} is not installed; `pip install onnx onnxscript`"
    ):
        export_onnx(tiny_network(), tmp_path / "none.onnx")
    assert not list(tmp_path.iterdir())
