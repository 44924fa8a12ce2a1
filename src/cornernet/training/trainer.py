"""A network in training: one iteration after another, on this process's share of the chunks."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import torch
from torch import Tensor

from cornernet.config.schema import Params
from cornernet.data.sampling.chunks import Chunk
from cornernet.data.sampling.loader import batches
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.model.network import CornerNet
from cornernet.training.chunk_losses import ChunkLosses, form_for, runs_channels_last
from cornernet.training.loss_terms import LossTermsReader
from cornernet.training.processes import Processes, deal_chunks
from cornernet.training.signals import StopRequest
from cornernet.training.state import load_state, restore
from cornernet.training.step import (
    FlatGradients,
    accumulate_gradients,
    adam,
    learning_rate,
    no_terms,
)


class Trainer:
    """A network in training, as one process holds it; `iteration` counts those done.

    An untrained network drawn from `seed`, or the one in the state file `start`. `report` is told
    what a user should know, such as that the network cannot be compiled.
    """

    def __init__(
        self,
        params: Params,
        num_categories: int,
        seed: int,
        start: Path | None,
        processes: Processes,
        device: str,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        torch.manual_seed(seed)
        where = torch.device(device)
        self.params, self.processes, self.iteration = params, processes, 0
        self.model = CornerNet(num_categories, params.model).to(where).train()
        if runs_channels_last(params, where):
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = adam(self.model, params.train.learning_rate)
        if start is not None:
            state = load_state(start)
            restore(state, self.model, self.optimizer)
            self.iteration = state.iteration
        self.gradients = FlatGradients(self.model)
        form = form_for(params.train, where, report)
        self.losses = ChunkLosses(num_categories, params, where, form)
        self.terms = LossTermsReader(where)
        # Whether an iteration is launched before the results of the last are known.
        self.runs_ahead = where.type == "cuda"
        if self.runs_ahead:  # fused optimisers look at this, and skip the step on the device
            self.optimizer.found_inf = self.terms.broken  # type: ignore[attr-defined]

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
        terms = no_terms(self.losses)
        failure: Exception | None = None
        self.gradients.clear()
        try:
            terms = accumulate_gradients(self.model, next(source), self.losses)
        except Exception as error:  # told to the other processes, then raised
            failure = error
        terms, stop = self.processes.agree(terms, bool(request), failure)
        self.terms.add(self.iteration + 1, terms.mean(dim=0))
        known = [] if self.runs_ahead else [self.terms.read()]
        self.processes.sum_gradients(self.gradients.vector)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.params.train, self.iteration)
        self.optimizer.step()
        self.iteration += 1
        known.append(self.terms.read(leave=0 if stop or self._due() else 1))
        return torch.cat(known), stop

    def _due(self) -> bool:
        """Whether a row or a checkpoint belongs to the iterations done: alike in all processes."""
        train, done = self.params.train, self.iteration
        return (
            done == train.iterations
            or done % train.log_every == 0
            or done % train.checkpoint_every == 0
        )
