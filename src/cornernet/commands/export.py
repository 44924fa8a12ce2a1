"""`cornernet export`: a trained model as a file for programs without PyTorch and this package."""

import argparse

from cornernet.detection.onnx_export import LARGEST_SIDE, OPSET, export_onnx
from cornernet.library.description import read_description
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights


def run(options: argparse.Namespace) -> None:
    """Write the ONNX file, and say which images it takes."""
    described = read_description(options.weights, options.set)
    model = CornerNet(len(described.categories), described.model)
    load_weights(options.weights, model)
    detection = described.detection
    export_onnx(model, options.out, detection if options.decoded else None, detection.scale)
    print(
        f"{options.out}: ONNX, opset {OPSET}; takes images whose sides are multiples of "
        f"{model.size_multiple} pixels, less one, up to {LARGEST_SIDE}"
    )
