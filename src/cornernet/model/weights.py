"""Weights on disk: our own, and the ones that the paper's authors released.

Our files are safetensors with the names of `CornerNet.state_dict()`. The same tensors give the
same bytes.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from cornernet.config.schema import Model
from cornernet.errors import BadInput
from cornernet.files import replacing
from cornernet.model.network import CornerNet
from cornernet.model.released import read_released, released_name

SHOWN = 5  # differing tensors that are named one by one

_COUNTER = ".num_batches_tracked"
_CATEGORY_TENSOR = "top_left.0.heatmap.output.bias"  # [C]


def save_weights(path: Path, model: CornerNet) -> None:
    """Write parameters and running statistics; atomically, so that no half file is ever seen."""
    save_tensors(path, model.state_dict())


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a state dict in our names (say, from `import_released`); atomically."""
    dense = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        try:
            save_file(dense, temporary)
        except SafetensorError as error:  # its name for a full disk
            raise OSError(f"{path}: {error}") from None


def load_weights(path: Path, model: CornerNet) -> None:
    """Fill `model` from a file of `save_weights`; on any mismatch BadInput, the model untouched."""
    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; train the model or import weights first") from None
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path}: not a weights file ({error}); make it anew") from None
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    problems = differences(path, tensors, expected)
    if problems:
        raise BadInput(problems)
    model.load_state_dict(tensors)


def num_categories(path: Path) -> int:
    """The number of categories that a file of `save_weights` predicts; reads its head alone."""
    try:
        with safe_open(path, framework="pt") as tensors:
            if _CATEGORY_TENSOR not in tensors.keys():  # noqa: SIM118 (not a mapping)
                raise BadInput(f"{path}: not weights of CornerNet: no {_CATEGORY_TENSOR}")
            return int(tensors.get_slice(_CATEGORY_TENSOR).get_shape()[0])
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; train the model or import weights first") from None
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path}: not a weights file ({error}); make it anew") from None


def import_released(path: Path, params: Model) -> dict[str, Tensor]:
    """The authors' released weights as a state dict of `CornerNet(C, params)`, in our names.

    C is read from the file. Counters of batch-norm steps, which torch 0.4 did not keep, are 0.

    Raises:
        BadInput: the file is missing, damaged, no state dict or would run code; or a tensor is
            missing, unknown, misshapen or not finite (named as in the file).
    """
    held = read_released(path)
    _check_merge(path, held, params)
    heatmap_bias = held.get(released_name(_CATEGORY_TENSOR))
    categories = heatmap_bias.numel() if heatmap_bias is not None else 1
    with torch.device("meta"):
        expected = CornerNet(max(categories, 1), params).state_dict()
    ours = {released_name(name): name for name in expected}
    counters = {
        name: torch.zeros((), dtype=torch.int64) for name in ours if name.endswith(_COUNTER)
    }
    complete = counters | held
    problems = differences(
        path, complete, {name: expected[our_name].shape for name, our_name in ours.items()}
    )
    if problems:
        raise BadInput(problems)
    return {
        our_name: complete[name].to(expected[our_name].dtype) for name, our_name in ours.items()
    }


def _check_merge(path: Path, held: Mapping[str, Tensor], params: Model) -> None:
    """Say plainly why released weights do not fit the text's 3x3 merge (section 3.5)."""
    merge = held.get("inters_.0.0.weight")  # [C, C, k, k]
    if merge is None or merge.ndim != 4 or merge.shape[-1] == params.merge_kernel:
        return
    kernel = merge.shape[-1]
    raise BadInput(
        f"{path}: merges its stacks by {kernel}x{kernel} convolutions, `model.merge_kernel` asks "
        f"for {params.merge_kernel}x{params.merge_kernel}; use profile as_run or released, or "
        f"--set model.merge_kernel={kernel}"
    )


def differences(
    path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, torch.Size]
) -> list[str]:
    """What keeps `tensors` from being the `expected` ones: a line for each kind of difference."""
    missing = [name for name in expected if name not in tensors]
    extra = [name for name in tensors if name not in expected]
    misshapen = [
        f"{name} is {list(tensors[name].shape)}, not {list(shape)}"
        for name, shape in expected.items()
        if name in tensors and tensors[name].shape != shape
    ]
    wanted = expected.get(_CATEGORY_TENSOR)
    held = tensors.get(_CATEGORY_TENSOR)
    if wanted is not None and held is not None and held.ndim == 1 and held.shape != wanted:
        return [
            f"{path}: predicts {held.shape[0]} categories, the data set has {wanted[0]}; "
            "use the data set that the weights were trained on"
        ]
    hint = "`model` params must be the ones that the weights were made with"
    found = (("lacks", missing), ("has unknown", extra), ("has another shape:", misshapen))
    problems = [f"{path}: {what} {_some(names)}; {hint}" for what, names in found if names]
    broken = [
        name
        for name, shape in expected.items()
        if name in tensors and tensors[name].shape == shape and not _finite(tensors[name])
    ]
    if broken:
        problems.append(f"{path}: NaN or infinite numbers in {_some(broken)}; get the file anew")
    return problems


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(tensor.isfinite().all())


def _some(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
