"""`cornernet export`, and the program in docs/ that runs its file without this project."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cornernet.cli import main
from cornernet.config import load_params
from cornernet.detection.detector import find_candidates, placements_of, prepare_image
from cornernet.detection.network import as_network
from cornernet.model.network import CornerNet
from cornernet.model.weights import save_weights

PAGE = Path(__file__).parents[2] / "docs/how-to/export.md"
MANY = "detection.embedding_distance=100"  # all corners belong together: an untrained network finds boxes
COMMAND = ["export", "--profile", "smoke", "--set", MANY, "--weights", "w.safetensors", "--out"]


@pytest.fixture
def model(tmp_path, monkeypatch):
    """An untrained network of the smoke profile, its weights, and a photo, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    model = CornerNet(3, load_params("smoke").model).eval()
    for module in (*model.top_left, *model.bottom_right):
        torch.nn.init.normal_(module.heatmap.output.weight, std=10)
    save_weights(Path("w.safetensors"), model.state_dict())
    photo = np.random.default_rng(0).integers(0, 256, (75, 61, 3), dtype=np.uint8)
    cv2.imwrite("photo.jpg", photo)
    return model


def test_the_program_in_the_docs_finds_what_this_project_finds(model, capsys):
    assert main([*COMMAND, "blood.onnx", "--format", "onnx", "--decoded"]) == 0
    said = (
        "blood.onnx: ONNX, opset 18; takes images whose sides are multiples of 8 pixels, less one"
    )
    assert said in capsys.readouterr().out
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    left = {}
    exec(program, left)
    printed = capsys.readouterr().out.splitlines()
    assert printed
    params = load_params("smoke", [MANY])
    detection = replace(params.detection, flip=False)
    image = cv2.imread("photo.jpg")
    places = placements_of(*image.shape[:2], params.model.size_multiple, detection, "single_scale")
    prepared, cpu = prepare_image(image, places), torch.device("cpu")
    (rows,) = find_candidates(as_network(model), [prepared], detection, "single_scale", cpu)
    assert left["scores"][0] == pytest.approx(rows[:, 4], abs=1e-4)
    inside = np.clip(left["boxes"], 0, [61, 75, 61, 75])
    assert inside == pytest.approx(rows[:, :4], abs=1e-2)
    assert left["categories"][0].tolist() == rows[:, 7].tolist()


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("none.safetensors", "none.safetensors: no such file"),
        ("photo.jpg", "photo.jpg: not a weights file"),
        ("demo.safetensors", "demo.safetensors: lacks"),
    ],
)
def test_what_cannot_be_exported_is_told_in_lines(model, capsys, weights, said):
    demo = CornerNet(3, load_params("demo").model)
    save_weights(Path("demo.safetensors"), demo.state_dict())
    assert main([*COMMAND[:-2], weights, "--out", "w.onnx"]) == 2
    assert said in capsys.readouterr().err
    assert not Path("w.onnx").exists()
