"""ONNX files give, in ONNX Runtime, what the network and the decoding give in PyTorch.

The program in docs/ that runs such a file without this project is run here, too.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from library.library_case import DESCRIPTION, write_weights
from model.sizes import tiny_network

from cornernet.cli import main
from cornernet.config import load_params
from cornernet.detection.decode import decode
from cornernet.detection.network import normalize_batch
from cornernet.detection.onnx_export import LARGEST_SIDE, OPSET, export_onnx, maximum_by_doublings
from cornernet.model.corner_pooling import directional_pool
from cornernet.model.network import CornerNet, CornerOutputs

PAGE = Path(__file__).parents[2] / "docs/how-to/export.md"
# All of 20 x 20 pairs; embeddings reject some of those that nothing else does.
SETTINGS = ("detection.embedding_distance=11", "detection.max_pairs=400")
EXPORT = ("export", *(w for s in SETTINGS for w in ("--set", s)), "--weights")


def pixels(count, height, width):
    generator = torch.Generator().manual_seed(height)
    return torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator)


def with_contrast(model):
    """Scores about a half, that differ from cell to cell, and embeddings that do."""
    for module in (*model.top_left, *model.bottom_right):
        torch.nn.init.normal_(module.heatmap.output.weight, std=3)
        torch.nn.init.normal_(module.embedding.output.weight, std=100)
        for branch in (module.heatmap, module.embedding):
            torch.nn.init.zeros_(branch.output.bias)
    return model.eval()


def run_file(model, images):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return [torch.from_numpy(found) for found in session.run(None, {"images": images.numpy()})]


def predicted(model, images):
    with torch.inference_mode():
        return model(normalize_batch(images), last_only=True)[-1]


def assert_same_maps(path, model, images):
    """Scores to 1e-4, all else to 1e-4 of its size."""
    found, wanted = run_file(path, images), predicted(model, images)
    for name, one, other in zip(CornerOutputs._fields, found, wanted, strict=True):
        if name.endswith("heat"):
            torch.testing.assert_close(one.sigmoid(), other.sigmoid(), rtol=0, atol=1e-4)
        spread = float(other.std())
        assert spread > 1e-6
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * spread)


@pytest.mark.parametrize("direction", ["top", "bottom", "left", "right"])
@pytest.mark.parametrize("size", [(1, 1), (5, 130), ((LARGEST_SIDE + 1) // 4, 3)])
def test_doublings_give_what_corner_pooling_gives(direction, size):
    features = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    found = maximum_by_doublings(features, direction)
    assert torch.equal(found, directional_pool(features, direction))


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        {"stacks": 1},
        pytest.param({"add_predictions": True}, marks=pytest.mark.long),
        pytest.param({"corner_pooling": False, "stacks": 1}, marks=pytest.mark.long),
    ],
)
def test_maps_are_the_network_s_at_any_size(tmp_path, more):
    path = tmp_path / "maps.onnx"
    model = with_contrast(tiny_network(dims=(4, 6), modules=(1, 1), **more))
    export_onnx(model, path)
    for size in ((1, 15, 31), (3, 63, 47)):  # multiples of 8, less one
        assert_same_maps(path, model, pixels(*size))
    with pytest.raises(Exception, match="sides must be multiples of 8 pixels, less one"):
        run_file(path, pixels(1, 15, 35))
    written = onnx.load(path)
    onnx.checker.check_model(written, full_check=True)
    assert {(used.domain, used.version) for used in written.opset_import} == {("", OPSET)}
    assert {node.domain for node in written.graph.node} == {""}
    assert not written.functions
    facts = {prop.key: prop.value for prop in written.metadata_props}
    assert facts == {"size_multiple": "8", "largest_side": str(LARGEST_SIDE), "scale": "1.0"}


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    """A network of smoke's, and a folder with its weights, and its file as the command wrote it."""
    folder = tmp_path_factory.mktemp("decoded")
    torch.manual_seed(1)
    model = with_contrast(CornerNet(3, load_params("smoke").model))
    smoke = replace(DESCRIPTION, detection=load_params("smoke").detection)
    write_weights(folder / "w.safetensors", smoke, model.state_dict())
    command = [*EXPORT, f"{folder}/w.safetensors", "--out", f"{folder}/blood.onnx"]
    assert main([*command, "--format", "onnx", "--decoded"]) == 0
    return model, folder


def candidates(boxes, *columns):
    """The rows of an image that are pairs; [n, 8]."""
    table = torch.cat([boxes, torch.stack([column.float() for column in columns], dim=1)], dim=1)
    return table[table[:, 4] > -1].double().numpy()


def wanted_pairs(model, images):
    """What `decode` finds, with boxes in pixels, for each image."""
    outputs, (height, width) = predicted(model, images), images.shape[2:]
    pairs = decode(outputs, load_params("smoke", SETTINGS).detection)
    down, across = height / outputs.tl_heat.shape[2], width / outputs.tl_heat.shape[3]
    boxes = pairs.boxes * torch.tensor([across, down, across, down])
    columns = (boxes, pairs.score, pairs.tl_score, pairs.br_score, pairs.category)
    return [candidates(*image) for image in zip(*columns, strict=True)]


def assert_same_pairs(found, expected):
    """Whatever the order of those whose scores rounding may swap; scores to 1e-4."""
    assert 0 < len(expected) < 400  # some are found, some are rejected
    assert len(found) == len(expected)
    assert np.diff(found[:, 4]).max() <= 0  # the best come first
    scale = np.where(np.arange(expected.shape[1]) < 4, 1 + np.abs(expected), 1)
    gaps = (np.abs(found[:, None] - expected) / scale).max(axis=2)
    assert gaps.min(axis=0).max() < 1e-4
    assert gaps.min(axis=1).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
def test_pairs_are_those_of_decoding_those_that_tie_too(decoded, tied):
    model, folder = decoded
    written = onnx.load(folder / "blood.onnx")
    if tied:  # every cell scores the same
        zeros = {name for name, _ in model.named_parameters() if "heatmap.output.weight" in name}
        tensors = [t for t in written.graph.initializer if t.name.removeprefix("model.") in zeros]
        assert len(tensors) == 2
        for tensor in tensors:
            tensor.raw_data = bytes(len(tensor.raw_data))
        state = {k: v * (k not in zeros) for k, v in model.state_dict().items()}
        model = CornerNet(3, load_params("smoke").model).eval()
        model.load_state_dict(state)
    for size in ((2, 31, 47), (1, 63, 39)):
        found = run_file(written.SerializeToString(), pixels(*size))
        for one, expected in zip(
            zip(*found, strict=True), wanted_pairs(model, pixels(*size)), strict=True
        ):
            assert_same_pairs(candidates(*one), expected)


@pytest.mark.slow
def test_the_program_in_the_docs_finds_what_this_project_finds(decoded, monkeypatch, capsys):
    model, folder = decoded
    monkeypatch.chdir(folder)
    image = np.random.default_rng(7).integers(0, 256, (75, 61, 3), dtype=np.uint8)
    cv2.imwrite("photo.jpg", image)
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    left = {}
    exec(program, left)
    assert capsys.readouterr().out.strip()
    padded = np.zeros((79, 63, 3), np.uint8)
    padded[2:77, 1:62] = cv2.imread("photo.jpg")
    (expected,) = wanted_pairs(model, torch.from_numpy(padded.transpose(2, 0, 1)[None]))
    expected[:, :4] -= [1, 2, 1, 2]
    columns = (left[name][0] for name in ("scores", "categories"))
    found = candidates(torch.from_numpy(left["boxes"]), *map(torch.from_numpy, columns))
    assert_same_pairs(found[:, :5], expected[:, :5])


@pytest.mark.long
def test_hourglass_104(tmp_path):
    torch.manual_seed(0)
    model = CornerNet(80, load_params("paper").model).eval()
    export_onnx(model, tmp_path / "paper.onnx")
    assert_same_maps(tmp_path / "paper.onnx", model, pixels(1, 255, 383))


@pytest.mark.parametrize(
    ("weights", "absent", "said"),
    [
        ("none.safetensors", "", "none.safetensors: no such file"),
        ("photo.jpg", "", "photo.jpg: not a weights file"),
        ("demo.safetensors", "", "demo.safetensors: has unknown hourglasses"),
        ("w.safetensors", "onnx", "onnx is not installed; `pip install onnx onnxscript`"),
        ("w.safetensors", "onnxscript", "onnxscript is not installed; `pip install onnx onnxscript`"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_told(tmp_path, monkeypatch, capsys, weights, absent, said):
    write_weights(tmp_path / "w.safetensors")
    demo = CornerNet(3, load_params("demo").model).state_dict()
    write_weights(tmp_path / "demo.safetensors", tensors=demo)
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    if absent:
        monkeypatch.setitem(sys.modules, absent, None)
    assert main([*EXPORT, f"{tmp_path}/{weights}", "--out", f"{tmp_path}/w.onnx"]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("*.onnx"))
