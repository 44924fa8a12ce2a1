"""Weights on disk: safetensors with the names of `CornerNet.state_dict()`.

Their metadata say which network they are of. The same tensors and words give the same bytes.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cornernet.errors import BadInput, first_of
from cornernet.files import replacing, status_of_regular
from cornernet.model.network import CornerNet
from cornernet.progress import say

# The one entry of the metadata, in JSON: of several safetensors does not keep the order.
_METADATA = "cornernet"
CATEGORY_TENSOR = "top_left.0.heatmap.output.bias"  # [C]


def save_weights(
    path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any] | None = None
) -> None:
    """Write a state dict in our names, and what it is the weights of, in plain values if given.

    Atomically, so that no half file is ever seen.
    """
    dense = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {_METADATA: json.dumps(description, allow_nan=False)} if description else None
    with replacing(path) as temporary:
        temporary.write_bytes(save(dense, metadata))


def load_weights(path: Path, model: CornerNet) -> None:
    """Fill `model` from a file of `save_weights`; on any mismatch BadInput, the model untouched.

    A model on torch's device "meta", which has sizes and no memory, is put on the CPU.
    """
    with _weights_file(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    expected = model.state_dict()
    tensors = fitting_tensors(path, tensors, expected)
    if any(each.is_meta for each in expected.values()):
        model.to_empty(device="cpu")
    model.load_state_dict(tensors)


def read_metadata(path: Path) -> dict[str, Any]:
    """The description that `save_weights` was given. Raises BadInput for a file without one."""
    with _weights_file(path) as file:
        text = (file.metadata() or {}).get(_METADATA)
    if text is None:
        raise BadInput(
            f"{path}: does not say which network it is of; if this project trained it before "
            f"weights said so, `cornernet import-weights {path} --out NEW.safetensors --profile "
            "PROFILE --variant VARIANT` adds that"
        )
    try:
        description = json.loads(text)
    except ValueError:
        description = None
    if not isinstance(description, dict):
        raise BadInput(f"{path}: what it says of itself is damaged; get the weights again")
    return description


def num_categories(path: Path) -> int:
    """The number of categories that a file of `save_weights` predicts; reads its head alone."""
    with _weights_file(path) as file:
        if CATEGORY_TENSOR not in file.keys():  # noqa: SIM118 (no mapping)
            raise BadInput(f"{path}: not weights of CornerNet: no {CATEGORY_TENSOR}")
        return int(file.get_slice(CATEGORY_TENSOR).get_shape()[0])


def _weights_file(path: Path) -> safe_open:
    """The file, opened; its head and its length are checked, its tensors not yet read."""
    try:
        status_of_regular(path)
        return safe_open(path, framework="pt")
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; train the model or import weights first") from None
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path}: not a weights file ({error}); make it again") from None


def fitting_tensors(
    path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """`tensors` in the types of `expected`; half and double precision is converted, with a word.

    Raises BadInput, a line for each kind of difference, unless they are as `expected`.
    """
    wanted, held = expected.get(CATEGORY_TENSOR), tensors.get(CATEGORY_TENSOR)
    if wanted is not None and held is not None and held.ndim == 1 and held.shape != wanted.shape:
        raise BadInput(
            f"{path}: predicts {held.shape[0]} categories, {wanted.shape[0]} are named; use the "
            "data set that the weights were trained on"
        )
    shared = [name for name in expected if name in tensors]
    fitting = {name: tensors[name].to(expected[name].dtype) for name in shared}
    others = {
        name: str(tensors[name].dtype).removeprefix("torch.")
        for name in shared
        if tensors[name].dtype != expected[name].dtype
    }
    differing = {
        "lacks": [name for name in expected if name not in tensors],
        "has unknown": [name for name in tensors if name not in expected],
        "has another shape:": [
            f"{name} is {list(tensors[name].shape)}, not {list(expected[name].shape)}"
            for name in shared
            if tensors[name].shape != expected[name].shape
        ],
        "holds other than floating-point numbers:": [
            f"{name} is {kind}"
            for name, kind in others.items()
            if expected[name].is_floating_point() and not tensors[name].is_floating_point()
        ],
        "NaN or infinite numbers in": [n for n in shared if not fitting[n].isfinite().all()],
    }
    if any(differing.values()):
        hint = "get the weights again or give the `model` params that they were made with"
        kinds = [(what, names) for what, names in differing.items() if names]
        raise BadInput(f"{path}: {what} {first_of(names)}; {hint}" for what, names in kinds)
    if others:
        say(f"{path}: converted from {', '.join(sorted({*others.values()}))} to float32")
    return fitting
