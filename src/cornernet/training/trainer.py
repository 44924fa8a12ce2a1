"""A network in training: one iteration after another, on this process's share of the chunks."""

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cornernet.config.schema import Params
from cornernet.data.samples import Chunk, TrainingSamples, batches
from cornernet.model.losses import LossTerms
from cornernet.model.network import CornerNet
from cornernet.training.devices import deal_chunks
from cornernet.training.errors import NonFinite
from cornernet.training.processes import Processes
from cornernet.training.signals import StopRequest
from cornernet.training.state import load_state, restore
from cornernet.training.step import (
    FlatGradients,
    accumulate_gradients,
    adam,
    learning_rate,
    runs_channels_last,
)


@dataclass
class Trainer:
    """A network in training, as one process holds it."""

    params: Params
    num_categories: int
    processes: Processes
    device: torch.device
    model: CornerNet
    optimizer: torch.optim.Adam
    gradients: FlatGradients
    iteration: int = 0  # iterations done

    @classmethod
    def create(
        cls,
        params: Params,
        num_categories: int,
        seed: int,
        start: Path | None,
        processes: Processes,
        device: str,
    ) -> "Trainer":
        """An untrained network drawn from `seed`, or the one in the state file `start`."""
        torch.manual_seed(seed)
        where = torch.device(device)
        model = CornerNet(num_categories, params.model).to(where).train()
        if runs_channels_last(params, where):
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = adam(model, params.train.learning_rate)
        done = 0
        if start is not None:
            state = load_state(start)
            restore(state, model, optimizer)
            done = state.iteration
        gradients = FlatGradients(model)
        return cls(params, num_categories, processes, where, model, optimizer, gradients, done)

    def chunks(self, samples: TrainingSamples) -> Generator[dict[int, Chunk], None, None]:
        """This process's chunks by number, for each iteration that is left."""
        train = self.params.train
        mine = deal_chunks(len(train.chunks), self.processes.size)[self.processes.rank]
        served = batches(
            samples, train.chunks, self.iteration, train.iterations, train.workers, mine=mine
        )
        for chunks in served:
            yield dict(zip(mine, chunks, strict=True))

    def step(self, source: Iterator[dict[int, Chunk]], request: StopRequest) -> tuple[Tensor, bool]:
        """One iteration. Returns the mean LossTerms (float64 [6]) and whether to stop after it.

        Raises NonFinite before the weights change; what `accumulate_gradients` raises; and, when
        another process failed, that.
        """
        num_chunks = len(self.params.train.chunks)
        terms = torch.zeros(num_chunks, len(LossTerms._fields), dtype=torch.float64)
        failure: Exception | None = None
        self.gradients.clear()
        try:
            terms = accumulate_gradients(
                self.model,
                next(source),
                num_chunks,
                self.num_categories,
                self.params,
                self.device,
            )
        except Exception as error:  # told to the other processes, then raised
            failure = error
        agreed = self.processes.agree(terms, bool(request), failure)
        mean = agreed.terms.mean(dim=0)
        if not bool(mean.isfinite().all()):
            raise NonFinite(_not_finite(mean), self.iteration + 1)
        self.processes.sum_gradients(self.gradients.vector)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.params.train, self.iteration)
        self.optimizer.step()
        self.iteration += 1
        return mean, agreed.stop


def _not_finite(mean: Tensor) -> list[str]:
    """The terms at fault; the total only if it alone is."""
    names = [
        name
        for name, value in zip(LossTerms._fields, mean.tolist(), strict=True)
        if not math.isfinite(value)
    ]
    return [name for name in names if name != "total"] or names
