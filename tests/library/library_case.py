"""Weights of an untrained network that finds boxes in whatever it is shown, and things to show it."""

from dataclasses import asdict, replace

import cv2
import numpy as np
import torch

from cornernet.config import load_params
from cornernet.data.coco.dataset import Category
from cornernet.library.description import Description
from cornernet.model.network import CornerNet
from cornernet.model.weights import save_weights

# All corners are asked for, and all belong together, so that an untrained network finds boxes.
MANY = ("detection.embedding_distance=100", "detection.top_corners=1000")
SMOKE = load_params("smoke", (*MANY, "model.heatmap_bias=0"))
CATEGORIES = (Category(3, "cell"), Category(8, "blood, red"), Category(90, "\N{SNOWMAN}"))
DESCRIPTION = Description("smoke", "baseline", 64 * "0", CATEGORIES, SMOKE.model, SMOKE.detection)


def write_weights(path, description=DESCRIPTION, tensors=None):
    """Weights that say `description`, by default of the network that it describes."""
    torch.manual_seed(0)
    network = CornerNet(len(description.categories), description.model)
    save_weights(path, tensors or network.state_dict(), asdict(description))
    return path


def of_another_network(**changes):
    """Tensors of a network whose params differ."""
    return CornerNet(len(CATEGORIES), replace(SMOKE.model, **changes)).state_dict()


def noise(seed, height=60, width=90):
    """uint8 [height, width, 3]"""
    shape = (height, width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def write_video(path, frames):
    """A video of noise with motion JPEG, which every OpenCV writes."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (90, 60))
    for number in range(frames):
        writer.write(noise(number))
    writer.release()
    return path
