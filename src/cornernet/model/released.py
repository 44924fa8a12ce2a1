"""The authors' released weights: a pickle of torch 0.4, read without running anything in it.

Their names follow from ours by `RULES`.
"""

import pickle
import re
import struct
import warnings
from pathlib import Path

import torch
from torch import Tensor

from cornernet.errors import BadInput
from cornernet.files import status_of_regular

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
        raise BadInput(f"{path}: {reason}; get the released file anew") from None
    if not isinstance(state, dict) or not state or not all(map(_is_named_tensor, state.items())):
        raise BadInput(f"{path}: not a state dict of named tensors; get the released file")
    prefix = _PREFIX if all(name.startswith(_PREFIX) for name in state) else ""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()}


def _is_named_tensor(item: tuple[object, object]) -> bool:
    name, tensor = item
    if not isinstance(name, str) or not isinstance(tensor, Tensor):
        return False
    return tensor.layout == torch.strided and not tensor.is_quantized
