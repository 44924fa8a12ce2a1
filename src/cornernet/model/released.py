"""The weights that the paper's authors released, in our names.

Their files are pickles of torch 0.4, read without running anything in them; their names follow from
ours by `RULES`.
"""

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cornernet.config.schema import Model
from cornernet.errors import BadInput
from cornernet.files import status_of_regular
from cornernet.model.network import CornerNet
from cornernet.model.weights import CATEGORY_TENSOR, fitting_tensors

# (pattern in our name, what the released name has there), applied in this order.
RULES: tuple[tuple[str, str], ...] = (
    # the branches of a prediction module: a convolution module without batch norm, a convolution
    (r"^(top_left|bottom_right)\.(\d+)\.heatmap\.", r"\1_heats.\2."),
    (r"^(top_left|bottom_right)\.(\d+)\.embedding\.", r"\1_tags.\2."),
    (r"^(top_left|bottom_right)\.(\d+)\.offset\.", r"\1_regrs.\2."),
    (r"\.hidden\.", r".0.conv."),
    (r"\.output\.", r".1."),
    # what lies before its branches
    (r"^(top_left|bottom_right)\.(\d+)\.pooling\.vertical\.", r"\1_cnvs.\2.p1_conv1."),
    (r"^(top_left|bottom_right)\.(\d+)\.pooling\.horizontal\.", r"\1_cnvs.\2.p2_conv1."),
    (r"^(top_left|bottom_right)\.(\d+)\.pooled\.(conv|bn)\.", r"\1_cnvs.\2.p_\g<3>1."),
    (r"^(top_left|bottom_right)\.(\d+)\.shortcut\.(conv|bn)\.", r"\1_cnvs.\2.\g<3>1."),
    (r"^(top_left|bottom_right)\.(\d+)\.convolution\.", r"\1_cnvs.\2.conv2."),
    (r"^top_left_", r"tl_"),
    (r"^bottom_right_", r"br_"),
    # between the stacks
    (r"^merges\.(\d+)\.from_input\.conv\.", r"inters_.\1.0."),
    (r"^merges\.(\d+)\.from_input\.bn\.", r"inters_.\1.1."),
    (r"^merges\.(\d+)\.from_output\.conv\.", r"cnvs_.\1.0."),
    (r"^merges\.(\d+)\.from_output\.bn\.", r"cnvs_.\1.1."),
    (r"^merges\.(\d+)\.residual\.", r"inters.\1."),
    # the backbone
    (r"^stem\.", r"pre."),
    (r"^features\.", r"cnvs."),
    (r"^hourglasses\.", r"kps."),
    (r"\.inner\b", r".low2"),  # a name may hold several, one for each resolution
    (r"\.skip\.", r".up1."),
    (r"\.down\.", r".low1."),
    (r"\.up\.", r".low3."),
    # residual modules, wherever they are
    (r"\.first\.(conv|bn)\.", r".\g<1>1."),
    (r"\.second\.(conv|bn)\.", r".\g<1>2."),
    (r"\.shortcut\.conv\.", r".skip.0."),
    (r"\.shortcut\.bn\.", r".skip.1."),
)

# A damaged file fails anywhere in torch's readers: what thousands of altered files raise.
_OF_DAMAGED_FILES = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError, struct.error),
)
_PREFIX = "module."  # of the wrapper that the authors trained in [code nnet/py_factory.py:25-31]


def import_released(path: Path, params: Model) -> dict[str, Tensor]:
    """The authors' released weights as a state dict of `CornerNet(C, params)`, in our names.

    C is read from the file. Counters of batch-norm steps, which torch 0.4 did not keep, are 0.
    Raises BadInput for a file that `read_released` refuses, and for tensors that are missing,
    unknown, misshapen or not finite (named as in the file).
    """
    held = read_released(path)
    _check_merge(path, held, params)
    heatmap_bias = held.get(released_name(CATEGORY_TENSOR))
    categories = 1 if heatmap_bias is None else max(heatmap_bias.numel(), 1)
    with torch.device("meta"):
        expected = CornerNet(categories, params).state_dict()
    ours = {released_name(name): name for name in expected}
    counters = {name: torch.tensor(0) for name in ours if name.endswith(".num_batches_tracked")}
    wanted = {name: expected[our_name] for name, our_name in ours.items()}
    fitting = fitting_tensors(path, counters | held, wanted)
    return {our_name: fitting[name] for name, our_name in ours.items()}


def released_name(name: str) -> str:
    """The released name of one of our parameters or buffers (a key of `CornerNet.state_dict()`)."""
    for pattern, replacement in RULES:
        name = re.sub(pattern, replacement, name)
    return name


def read_released(path: Path) -> dict[str, Tensor]:
    """The tensors of a released file by their released names, without `module.`; on the CPU.

    Reads zip files of today's torch and the older ones. Raises BadInput for a file that is missing
    or damaged, holds anything but dense tensors, or would run code.
    """
    try:
        with warnings.catch_warnings():
            status_of_regular(path)
            warnings.simplefilter("ignore")  # about pickles that it may not understand: it says so
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; give the path of the released weights") from None
    except _OF_DAMAGED_FILES as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        why = getattr(error, "strerror", None) or type(error).__name__
        damaged = f"truncated or not a file of torch ({why})"
        reason = f"would run {found[1]} when read, so it was not read" if found else damaged
        raise BadInput(f"{path}: {reason}; download the released file again") from None
    dense = isinstance(state, dict) and all(
        isinstance(tensor, Tensor) and tensor.layout == torch.strided and not tensor.is_quantized
        for tensor in state.values()
    )
    if not (dense and state and all(isinstance(name, str) for name in state)):
        raise BadInput(f"{path}: not a state dict of named tensors; get the released file")
    prefix = _PREFIX if all(name.startswith(_PREFIX) for name in state) else ""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()}


def _check_merge(path: Path, held: Mapping[str, Tensor], params: Model) -> None:
    """Say plainly why released weights do not fit the text's 3x3 merge (section 3.5)."""
    merge, asked = held.get("inters_.0.0.weight"), params.merge_kernel  # [C, C, k, k]
    if merge is not None and merge.ndim == 4 and merge.shape[-1] != asked:
        kernel = merge.shape[-1]
        raise BadInput(
            f"{path}: merges its stacks by {kernel}x{kernel} convolutions, `model.merge_kernel` "
            f"asks for {asked}x{asked}; use profile as_run or released, or "
            f"--set model.merge_kernel={kernel}"
        )
