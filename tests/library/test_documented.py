"""What docs/how-to/detect.md shows, run as it stands there."""

import re
import shlex
import shutil
from pathlib import Path

import cv2
import pytest
from library.library_case import noise, write_video, write_weights

from cornernet.cli import main

PAGE = (Path(__file__).parents[2] / "docs/how-to/detect.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^cornernet (detect .*)$", PAGE, re.MULTILINE)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The files that the page names."""
    monkeypatch.chdir(tmp_path)
    write_weights(Path("w.safetensors"))
    Path("photos/more").mkdir(parents=True)
    cv2.imwrite("photo.jpg", noise(0))
    shutil.copy("photo.jpg", "photos/more")
    write_video(Path("clip.avi"), 3).rename("clip.mp4")
    return tmp_path


def test_python(place, capsys):
    pytest.importorskip("supervision", reason="supervision is not installed")
    names = {}
    for block in PYTHON:
        exec(block, names)
    assert len(PYTHON) == 4
    found, detections = names["found"], names["detections"]
    assert len(detections) == len(found) > 10
    assert detections.xyxy.tolist() == found.boxes.tolist()
    assert detections["class_name"].tolist() == found.names.tolist()
    assert (detections[detections.confidence > 0.5].class_id > 0).all()
    assert (names["picture"] != names["image"]).any()
    assert "blood, red" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(place, command):
    assert main(shlex.split(command)) == 0
    pictures = [] if "--no-pictures" in command else list(place.rglob("photo.png"))
    assert len(pictures) == ("--no-pictures" not in command)
