"""A network in training: one iteration after another, on this process's share of the chunks."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cornernet.config.schema import Params
from cornernet.data.sampling.chunks import Chunk
from cornernet.data.sampling.loader import batches
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.model.losses import LossTerms
from cornernet.model.network import CornerNet
from cornernet.training.compilation import ChunkLosses, losses_for
from cornernet.training.devices import deal_chunks
from cornernet.training.gradients import FlatGradients
from cornernet.training.loss_terms import LossTermsReader
from cornernet.training.processes import Processes
from cornernet.training.signals import StopRequest
from cornernet.training.staging import Staging
from cornernet.training.state import load_state, restore
from cornernet.training.step import (
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
    losses_of: ChunkLosses
    staging: Staging
    terms: LossTermsReader
    runs_ahead: bool  # launches an iteration before the results of the last are known
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
        report: Callable[[str], None] = lambda line: None,
    ) -> "Trainer":
        """An untrained network drawn from `seed`, or the one in the state file `start`.

        `report` is told what a user should know, such as that the network cannot be compiled.
        """
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
        reader = LossTermsReader(where)
        runs_ahead = where.type == "cuda"
        if runs_ahead:  # fused optimisers look at this, and skip the step on the device
            optimizer.found_inf = reader.broken  # type: ignore[attr-defined]
        return cls(
            params=params,
            num_categories=num_categories,
            processes=processes,
            device=where,
            model=model,
            optimizer=optimizer,
            gradients=FlatGradients(model),
            losses_of=losses_for(params.train, where, report),
            staging=Staging(where),
            terms=reader,
            runs_ahead=runs_ahead,
            iteration=done,
        )

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
        """One iteration. Returns the losses that have become known, and whether to stop after it.

        The losses are float64 [n, 6]: the mean LossTerms of each iteration whose losses reached the
        CPU since the last call, in order. On a CPU that is this iteration. On a GPU it is the one
        before: to read this iteration's at once, the CPU would wait for the GPU, which would then
        have no work until the CPU launches the next step. Where a history row or a checkpoint is
        due, the call waits, and returns all losses up to this iteration's.

        Raises NonFinite, with the weights as before the iteration at fault; what
        `accumulate_gradients` raises; and, when another process failed, that.
        """
        num_chunks = len(self.params.train.chunks)
        terms = torch.zeros(
            num_chunks, len(LossTerms._fields), dtype=torch.float64, device=self.device
        )
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
                self.losses_of,
                self.staging,
            )
        except Exception as error:  # told to the other processes, then raised
            failure = error
        agreed = self.processes.agree(terms, bool(request), failure)
        self.terms.add(self.iteration + 1, agreed.terms.mean(dim=0))
        known = [] if self.runs_ahead else [self.terms.read()]
        self.processes.sum_gradients(self.gradients.vector)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.params.train, self.iteration)
        self.optimizer.step()
        self.iteration += 1
        known.append(self.terms.read(leave=0 if agreed.stop or self._due() else 1))
        return torch.cat(known), agreed.stop

    def _due(self) -> bool:
        """Whether a row or a checkpoint belongs to the iterations done: alike in all processes."""
        train, done = self.params.train, self.iteration
        return (
            done == train.iterations
            or done % train.log_every == 0
            or done % train.checkpoint_every == 0
        )
