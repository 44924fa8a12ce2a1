"""Figures that need the trained network: corner pooling (Fig. 3), heatmaps (Figs. 1 and 8)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from cornernet.config import Params
from cornernet.detection.network import as_network, run_network
from cornernet.detection.padding import Placement, pad_image, place
from cornernet.model.corner_pooling import Direction, directional_pool
from cornernet.model.network import CornerNet, CornerOutputs, CornerPooling
from cornernet.model.weights import load_weights, num_categories
from cornernet.reporting.figures.examples import Example, detections_figure, overlay_heatmaps
from cornernet.reporting.figures.figure import Figure
from cornernet.reporting.figures.method import corner_pooling_figure


def network_figures(
    params: Params, weights: Path, examples: list[Example], rule: str
) -> list[Figure]:
    """Both figures for the examples, as the network of `weights` sees them; `rule` picked them."""
    model = CornerNet(num_categories(weights), params.model)
    load_weights(weights, model)
    # Single images, unmirrored: what is drawn is what the network says of the image itself.
    params = replace(params, detection=replace(params.detection, flip=False))
    pictures = [_with_heatmaps(model, params, example) for example in examples]
    heatmaps = detections_figure(
        pictures,
        rule,
        name="heatmaps",
        title="Detections over corner heatmaps, as in Figs. 1 and 8",
    )
    if not params.model.corner_pooling or not examples:
        return [heatmaps]
    return [heatmaps, _corner_pooling(model, params, examples[0])]


def _run(model: CornerNet, params: Params, image: np.ndarray) -> tuple[CornerOutputs, Placement]:
    """What the network says of an image, and where the image lies on its input."""
    height, width = image.shape[:2]
    placement = place(
        height, width, params.detection.scale, params.model.size_multiple, lose_last_row=False
    )
    canvas = pad_image(image, placement)
    cpu = torch.device("cpu")
    return run_network(as_network(model), [canvas], params.detection, cpu), placement


def _with_heatmaps(model: CornerNet, params: Params, example: Example) -> Example:
    """The example with its image under the heatmaps of both corners."""
    outputs, placement = _run(model, params, example.image)
    top_left, bottom_right = (
        _over_image(torch.sigmoid(heat[0]).amax(dim=0).numpy(), placement)  # [H, W]
        for heat in (outputs.tl_heat, outputs.br_heat)
    )
    return replace(example, image=overlay_heatmaps(example.image, top_left, bottom_right))


def _corner_pooling(model: CornerNet, params: Params, example: Example) -> Figure:
    """The channel of the last stack's top-left corner pooling that varies most."""
    maps: list[np.ndarray] = []
    pooling = model.top_left[-1].pooling
    assert isinstance(pooling, CornerPooling)

    def keep(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        maps.append(out[0].float().numpy())  # [C, H, W]

    hooks = [part.register_forward_hook(keep) for part in (pooling.vertical, pooling.horizontal)]
    _run(model, params, example.image)
    for hook in hooks:
        hook.remove()
    vertical, horizontal = maps
    channel = int(np.argmax(vertical.std(axis=(1, 2)) * horizontal.std(axis=(1, 2))))
    first, second = vertical[channel], horizontal[channel]
    return corner_pooling_figure(first, second, _pooled(first, "top"), _pooled(second, "left"))


def _pooled(values: np.ndarray, direction: Direction) -> np.ndarray:
    """One map [H, W], pooled in one direction."""
    return directional_pool(torch.from_numpy(values.copy())[None, None], direction)[0, 0].numpy()


def _over_image(cells: np.ndarray, placement: Placement) -> np.ndarray:
    """The part of a map [H, W] that lies over the image."""
    (top, left), (bottom, right) = placement.start, placement.end
    down, across = placement.ratio
    rows = slice(round(top * down), max(round(bottom * down), round(top * down) + 1))
    columns = slice(round(left * across), max(round(right * across), round(left * across) + 1))
    return cells[rows, columns]
