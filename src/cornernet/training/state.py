"""The full state of a training in one file: what it takes to go on as if nothing had happened."""

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cornernet.errors import BadInput
from cornernet.files import replacing
from cornernet.training.job import CodeSpan

FORMAT = 1


class Unreadable(Exception):
    """A state file that is truncated, damaged, or none."""


@dataclass(frozen=True)
class TrainingState:
    """Everything that decides the iterations to come. Tensors lie on the CPU."""

    iteration: int  # iterations done; the position in the data, too
    model: dict[str, Tensor]  # weights and running statistics, by name
    adam: dict[str, dict[str, Tensor]]  # Adam's moments and step, by parameter name
    random: Tensor  # torch's generator
    window: tuple[float, ...] = ()  # sums of the losses since the last logged one, and count
    fingerprint: dict[str, Any] = field(default_factory=dict)
    run_id: str | None = None  # of the experiment tracker
    code_spans: list[CodeSpan] = field(default_factory=list)  # which code made which iterations


def capture(model: nn.Module, optimizer: torch.optim.Optimizer, iteration: int) -> TrainingState:
    """The state after `iteration`. The tensors are shared with a model that lies on the CPU."""
    adam = {
        name: {key: torch.as_tensor(value).cpu() for key, value in optimizer.state[p].items()}
        for name, p in model.named_parameters()
        if p in optimizer.state
    }
    weights = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    return TrainingState(iteration, weights, adam, torch.get_rng_state())


def restore(state: TrainingState, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put `state` into a model and its optimiser, on whatever device they lie.

    Raises BadInput when it is the state of a network of another shape.
    """
    try:
        model.load_state_dict(state.model)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:300]
        raise BadInput(f"the training state is that of another network: {detail}") from error
    current = optimizer.state_dict()
    moments = {
        number: {key: _laid_out_as(parameter, value) for key, value in state.adam[name].items()}
        for number, (name, parameter) in enumerate(model.named_parameters())
        if name in state.adam
    }
    optimizer.load_state_dict({"state": moments, "param_groups": current["param_groups"]})
    torch.set_rng_state(state.random)


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """`value` with the parameter's strides; the count of steps as it is.

    A network lies in memory in another order on another device. Fused Adam walks parameter and
    moments side by side: on a GPU it refuses those of other strides, on a CPU it mixes them up.
    """
    if value.shape != parameter.shape or value.stride() == parameter.stride():
        return value
    return torch.empty_strided(parameter.shape, parameter.stride(), dtype=value.dtype).copy_(value)


def save_state(path: Path, state: TrainingState) -> None:
    """Write `state` atomically. Raises BadInput when the disk is full."""
    try:
        # Through an open file: a path would put its random temporary name into the archive.
        with replacing(path) as temporary, temporary.open("wb") as stream:
            torch.save({"format": FORMAT, **vars(state)}, stream)
    except (OSError, RuntimeError) as error:
        raise BadInput(
            f"{path}: cannot be written ({' '.join(str(error).split())[:200]}): free some space on "
            "that disk"
        ) from error


def load_state(path: Path) -> TrainingState:
    """Read a state file, checking its checksums; no code in it is ever run.

    Raises FileNotFoundError, or Unreadable with the reason.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise Unreadable(f"{damaged} is damaged")
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content.pop("format") != FORMAT:
            raise Unreadable(f"not a training state of format {FORMAT}")
        return TrainingState(**content)
    # zipfile and torch raise whatever a broken file makes them stumble on.
    except Exception as error:
        raise Unreadable(" ".join(str(error).split())[:200] or type(error).__name__) from error
