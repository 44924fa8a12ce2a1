"""What the trained network makes of an image: corner heatmaps, and corner pooling (Fig. 3)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from cornernet.config import Params
from cornernet.detection.network import Network, as_network, run_network
from cornernet.detection.padding import Placement, pad_image, place
from cornernet.model.corner_pooling import directional_pool
from cornernet.model.network import CornerNet, CornerOutputs, CornerPooling
from cornernet.model.weights import load_weights, num_categories
from cornernet.reporting.figures.figure import Figure
from cornernet.reporting.figures.method import corner_pooling_figure


def drawn_network(params: Params, weights: Path) -> CornerNet:
    """The network of a file of weights."""
    model = CornerNet(num_categories(weights), params.model)
    load_weights(weights, model)
    return model


def corner_heatmaps(
    model: CornerNet, params: Params, images: Iterable[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Probabilities of both corners in each image, top-left first, the largest over categories.

    Both float32 [h, w], on cells that cover the image (uint8 [H, W, 3], BGR).
    """
    network = as_network(model)
    for image in images:
        placement, canvas = _placed(params, image)
        outputs = _run(network, params, canvas)
        top_left, bottom_right = (
            _over_image(torch.sigmoid(heat[0]).amax(dim=0).numpy(), placement)  # [H, W]
            for heat in (outputs.tl_heat, outputs.br_heat)
        )
        yield top_left, bottom_right


def pooling_figure(
    model: CornerNet, params: Params, image: np.ndarray, corner: tuple[float, float]
) -> Figure:
    """The last stack's top-left corner pooling, seen from a corner (x, y in pixels of the image).

    It shows the channel that varies most.
    """
    maps: list[torch.Tensor] = []
    pooling = model.top_left[-1].pooling
    assert isinstance(pooling, CornerPooling)

    def keep(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        maps.append(out.float())  # [1, C, H, W]

    placement, canvas = _placed(params, image)
    hooks = [part.register_forward_hook(keep) for part in (pooling.vertical, pooling.horizontal)]
    _run(as_network(model), params, canvas)  # a copy, with the hooks
    for hook in hooks:
        hook.remove()
    varies = maps[0].std(dim=(2, 3)) * maps[1].std(dim=(2, 3))  # [1, C]
    channel = slice(int(varies.argmax()), int(varies.argmax()) + 1)
    first, second = (one[:, channel] for one in maps)
    pooled = directional_pool(first, "top") + directional_pool(second, "left")
    places = zip(corner[::-1], placement.start, placement.ratio, placement.cells, strict=True)
    row, column = (
        min(max(int((at * placement.scale + start) * ratio), 0), cells - 1)
        for at, start, ratio, cells in places
    )
    down, across, both = (one[0, 0].numpy() for one in (first, second, pooled))
    return corner_pooling_figure(canvas, down, across, both, (row, column))


def _placed(params: Params, image: np.ndarray) -> tuple[Placement, np.ndarray]:
    """Where an image lies on the network's input, and that input."""
    height, width = image.shape[:2]
    scale, multiple = params.detection.scale, params.model.size_multiple
    placement = place(height, width, scale, multiple, lose_last_row=False)
    return placement, pad_image(image, placement)


def _run(network: Network, params: Params, canvas: np.ndarray) -> CornerOutputs:
    """What the network says of the canvas itself, unmirrored."""
    unmirrored = replace(params.detection, flip=False)
    return run_network(network, [canvas], unmirrored, torch.device("cpu"))


def _over_image(cells: np.ndarray, placement: Placement) -> np.ndarray:
    """The part of a map [H, W] that lies over the image."""
    (top, left), (bottom, right) = placement.start, placement.end
    down, across = placement.ratio
    rows = slice(round(top * down), max(round(bottom * down), round(top * down) + 1))
    columns = slice(round(left * across), max(round(right * across), round(left * across) + 1))
    return cells[rows, columns]
