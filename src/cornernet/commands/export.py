"""`cornernet export`: a trained model as a file for programs without PyTorch and this package."""

import argparse
from pathlib import Path

from cornernet.config import resolve_variant
from cornernet.config.schema import Model
from cornernet.detection.onnx_export import LARGEST_SIDE, OPSET, export_onnx
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights, num_categories
from cornernet.options import params_of


def run(options: argparse.Namespace) -> None:
    """Write the ONNX file, and say which images it takes."""
    params = resolve_variant(params_of(options, shipped=True), options.variant)
    model = network_of(options.weights, params.model)
    export_onnx(model, options.out, params.detection if options.decoded else None)
    print(
        f"{options.out}: ONNX, opset {OPSET}; takes images whose sides are multiples of "
        f"{model.size_multiple} pixels, less one, up to {LARGEST_SIDE}"
    )


def network_of(weights: Path, params: Model) -> CornerNet:
    """The network of a weights file. Raises BadInput if they are not those of such a network."""
    model = CornerNet(num_categories(weights), params)
    load_weights(weights, model)
    return model
