"""The network as an ONNX file of standard operators, to be run without PyTorch and this package.

The file takes images of any number and of any size that the network can halve; nothing in it is
mirrored, and soft-NMS is left to who runs it. Importing this module needs no ONNX package.
"""

import importlib
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional as F

from cornernet.config.schema import Detection
from cornernet.detection.decode import decode
from cornernet.detection.network import fold_batch_norm, normalize_batch
from cornernet.errors import BadInput
from cornernet.files import replacing
from cornernet.model.corner_pooling import Direction
from cornernet.model.network import CornerNet, CornerOutputs, CornerPooling, PredictionModule

OPSET = 18  # the one that torch's exporter knows; to others it would have to convert
PACKAGES = ("onnx", "onnxscript")  # what torch's exporter needs
DOUBLINGS = 10  # of corner pooling, which then reaches over 2^10 cells
LARGEST_SIDE = 4 * 2**DOUBLINGS - 1  # pixels
DECODED = ("boxes", "scores", "tl_scores", "br_scores", "categories")


class ExportedNetwork(nn.Module):
    """What the file computes from images [B, 3, h, w]: uint8, BGR, padded as for testing.

    The maps of `CornerOutputs`, or with `decoding` what is called `DECODED`: pairs of corners, the
    best first, as `decode` has them, with boxes [B, P, 4] in pixels (x1, y1, x2, y2), and -1 as the
    score of a row that is no pair.
    """

    def __init__(self, model: CornerNet, decoding: Detection | None) -> None:
        super().__init__()
        self.model, self.decoding = fold_batch_norm(model), decoding
        for module in self.model.modules():
            if isinstance(module, PredictionModule):
                module.pooling = DoublingPooling(module.pooling)  # type: ignore[assignment]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs: CornerOutputs = self.model(normalize_batch(images), last_only=True)[-1]
        if self.decoding is None:
            return tuple(outputs)
        pairs = decode(outputs, self.decoding)
        (height, width), (rows, columns) = images.shape[2:], outputs.tl_heat.shape[2:]
        x1, y1, x2, y2 = pairs.boxes.unbind(2)
        across, down = (torch.stack(pair, dim=2) for pair in ((x1, x2), (y1, y2)))  # [B, P, 2]
        boxes = torch.stack([across * width / columns, down * height / rows], dim=3)  # [B, P, 2, 2]
        return boxes.flatten(2), pairs.score, pairs.tl_score, pairs.br_score, pairs.category


def export_onnx(
    model: CornerNet, path: Path, decoding: Detection | None = None, scale: float = 1.0
) -> None:
    """Write `model` as an ONNX file: its maps, or with `decoding` the pairs of corners.

    Its metadata hold `size_multiple` and `largest_side`: sides are k x size_multiple - 1 pixels, up
    to the largest; and `scale`, by which images are to be resized before. Raises BadInput if a
    package is missing.
    """
    for package in PACKAGES:
        try:
            importlib.import_module(package)
        except ImportError:
            needed = " ".join(PACKAGES)
            raise BadInput(f"{package} is not installed; `pip install {needed}`") from None
    multiple, network = model.size_multiple, ExportedNetwork(model, decoding).eval()
    # The smallest image has as many cells as there are corners to choose.
    corners, least = 0 if decoding is None else decoding.top_corners, 1
    while (least * multiple // 4) ** 2 < corners:
        least += 1
    k, j = (Dim(name, min=least, max=(LARGEST_SIDE + 1) // multiple) for name in ("k", "j"))
    sizes = {0: Dim("batch"), 2: multiple * k - 1, 3: multiple * j - 1}
    height, width = ((least + more) * multiple - 1 for more in (1, 2))  # of an example, not run
    example = torch.zeros(2, 3, height, width, dtype=torch.uint8)
    written = torch.onnx.export(
        network,
        (example,),
        dynamic_shapes=(sizes,),
        input_names=["images"],
        output_names=list(CornerOutputs._fields if decoding is None else DECODED),
        opset_version=OPSET,
        verbose=False,
    )
    assert written is not None, "torch's newer exporter returns its program"
    for node in written.model.graph:
        if node.op_type == "Reshape":
            # Where an image of another size fails; a runtime names the node.
            node.name = f"{node.name} (sides must be multiples of {multiple} pixels, less one)"
    facts = {"size_multiple": multiple, "largest_side": LARGEST_SIDE, "scale": scale}
    written.model.metadata_props.update({name: str(fact) for name, fact in facts.items()})
    with replacing(path) as temporary:
        written.save(temporary, external_data=False)


class DoublingPooling(nn.Module):
    """A corner pooling module, with the running maxima in operators that every exporter has."""

    def __init__(self, pooling: CornerPooling) -> None:
        super().__init__()
        self.vertical, self.horizontal = pooling.vertical, pooling.horizontal
        self.ways: tuple[Direction, ...] = ()
        if pooling.pool:
            self.ways = ("top", "left") if pooling.corner == "top_left" else ("bottom", "right")

    def forward(self, features: Tensor) -> Tensor:
        vertical, horizontal = self.vertical(features), self.horizontal(features)
        if not self.ways:
            return vertical + horizontal
        first, second = self.ways
        return maximum_by_doublings(vertical, first) + maximum_by_doublings(horizontal, second)


def maximum_by_doublings(features: Tensor, direction: Direction) -> Tensor:
    """`directional_pool` of [B, C, H, W] for up to 2^DOUBLINGS cells a side, to the bit.

    Each step takes the maximum of the map and of itself, shifted: after n steps a cell holds that
    of 2^n cells. A shift beyond the map adds nothing.
    """
    maxima, dim = features, 2 if direction in ("top", "bottom") else 3
    for shift in (2**step for step in range(DOUBLINGS)):
        later = direction in ("top", "left")  # the cells that count come later in the map
        room = (0, shift) if later else (shift, 0)
        padded = F.pad(maxima, room if dim == 3 else (0, 0, *room), value=-torch.inf)
        part = slice(shift, None) if later else slice(None, -shift)
        maxima = torch.maximum(maxima, padded[:, :, part] if dim == 2 else padded[..., part])
    return maxima
