"""A network in training: one step after another, on this member's share of the chunks."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from cornernet.config.schema import Params, Train
from cornernet.data.sampling.loader import batches
from cornernet.data.sampling.samples import Chunk, TrainingSamples
from cornernet.errors import BadInput
from cornernet.model.losses import LossTerms
from cornernet.model.network import CornerNet
from cornernet.training.chunk_losses import ChunkLosses, form_for, runs_channels_last
from cornernet.training.gradients import (
    accumulate_gradients,
    flat_gradients,
    naming_out_of_memory,
    no_losses,
)
from cornernet.training.group import Group, deal_chunks
from cornernet.training.job import NonFinite
from cornernet.training.state import load_state, restore

# Named in section 4.1's reference [18] and PyTorch's defaults at the time; no weight decay.
ADAM_BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-8


def learning_rate(params: Train, done: int) -> float:
    """The rate of the next iteration when `done` iterations are done.

    Divided by ten once for every drop that has been reached: "2.5e-5 for the last 50k" of
    500k iterations (section 4.1) is a drop after iteration 450,000.
    """
    drops = sum(1 for drop in params.learning_rate_drops if drop <= done)
    return float(params.learning_rate / 10**drops)


def adam(model: nn.Module, rate: float) -> torch.optim.Adam:
    """The paper's optimiser. One fused kernel: 600 small tensors cost a quarter of the time."""
    return torch.optim.Adam(
        model.parameters(), lr=rate, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True
    )


class Trainer:
    """A network in training, as one member holds it; `iteration` counts those done.

    An untrained network drawn from `seed`, or the one in the state file `start`. `report` is told
    what a user should know, such as that the network cannot be compiled. Raises BadInput when the
    device's memory does not hold the network.
    """

    def __init__(
        self,
        params: Params,
        num_categories: int,
        seed: int,
        start: Path | None,
        group: Group,
        device: str,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        torch.manual_seed(seed)
        where = torch.device(device)
        self.params, self.group, self.iteration = params, group, 0
        with naming_out_of_memory(where, "with the network alone: it needs one with more memory"):
            self.model = CornerNet(num_categories, params.model).to(where).train()
            if runs_channels_last(params, where):
                self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.optimizer = adam(self.model, params.train.learning_rate)
            if start is not None:
                state = load_state(start)
                restore(state, self.model, self.optimizer)
                self.iteration = state.iteration
            self.gradients = flat_gradients(self.model)
        form = form_for(params.train, where, report)
        self.losses = ChunkLosses(num_categories, params, where, form)
        self.reader = LossReader(where)
        # Whether an iteration is launched before the results of the last are known.
        self.runs_ahead = where.type == "cuda"
        if self.runs_ahead:  # fused optimisers look at this, and skip the step on the device
            self.optimizer.found_inf = self.reader.broken  # type: ignore[attr-defined]

    def chunks(self, samples: TrainingSamples) -> Generator[dict[int, Chunk], None, None]:
        """This member's chunks by number, for each iteration that is left."""
        train = self.params.train
        mine = deal_chunks(len(train.chunks), self.group.size)[self.group.rank]
        served = batches(
            samples, train.chunks, self.iteration, train.iterations, train.workers, mine=mine
        )
        for chunks in served:
            yield dict(zip(mine, chunks, strict=True))

    def step(
        self, source: Iterator[dict[int, Chunk]], stop: int = 0, failure: Exception | None = None
    ) -> tuple[Tensor, int]:
        """One iteration. Returns the losses that have become known, and the signal to stop by.

        `stop` and `failure` are this member's own, to be told to the others. The losses are float64
        [n, 6]: the mean LossTerms of each iteration whose losses reached the CPU since the last
        call, in order. On a CPU that is this iteration. On a GPU it is the one before: to read this
        iteration's at once, the CPU would wait for the GPU, which would then have no work until the
        CPU launches the next step. Where a history row or a checkpoint is due, the call waits, and
        returns all losses up to this iteration's.

        Raises NonFinite, with the weights as before the iteration at fault, and any member's
        failure: its own, or BadInput for an image that cannot be read or memory that is too small.
        """
        losses = no_losses(self.losses)
        self.gradients.zero_()
        try:
            losses = accumulate_gradients(self.model, next(source), self.losses)
        except BadInput as error:
            failure = error
        stop = self.group.agree(stop, failure)
        self.group.sum(losses)
        self.reader.add(self.iteration + 1, losses.mean(dim=0))
        known = [] if self.runs_ahead else [self.reader.read()]
        self.group.sum(self.gradients)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = learning_rate(self.params.train, self.iteration)
        self.optimizer.step()
        self.iteration += 1
        known.append(self.reader.read(leave=0 if stop or self._due() else 1))
        self.group.heartbeat.step_done()
        return torch.cat(known), stop

    def _due(self) -> bool:
        """Whether a row or a checkpoint belongs to the iterations done: alike in all members."""
        train, done = self.params.train, self.iteration
        return (
            done == train.iterations
            or done % train.log_every == 0
            or done % train.checkpoint_every == 0
        )


class LossReader:
    """Takes each iteration's mean losses on the device; hands them out on the CPU, in order.

    `broken` says on the device, as 0 or 1, whether any iteration so far had a loss that is not
    finite. An optimiser that skips its step when `broken` is 1 leaves the weights as they were
    before the first such iteration, however late the CPU comes to know of it.
    """

    def __init__(self, device: torch.device) -> None:
        self.broken = torch.zeros((), device=device)  # float32, as fused optimisers want it
        # Iteration, losses on the CPU, and what is set once they are there (None: they are).
        self._waiting: deque[tuple[int, Tensor, torch.cuda.Event | None]] = deque()

    def add(self, iteration: int, mean: Tensor) -> None:
        """Take the losses of `iteration`, float64 [6] on the device."""
        self.broken.copy_(torch.maximum(self.broken, (~mean.isfinite().all()).float()))
        arrived = None
        if mean.device.type == "cuda":
            host = torch.empty(mean.shape, dtype=mean.dtype, pin_memory=True)
            mean = host.copy_(mean, non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record()
        self._waiting.append((iteration, mean, arrived))

    def read(self, leave: int = 0) -> Tensor:
        """The losses of all iterations not read yet, except the last `leave`: float64 [n, 6].

        Waits for the device to reach them. Raises NonFinite for the first that is not finite.
        """
        rows = [torch.empty(0, len(LossTerms._fields), dtype=torch.float64)]
        while len(self._waiting) > leave:
            iteration, losses, arrived = self._waiting.popleft()
            if arrived is not None:
                arrived.synchronize()
            finite = dict(zip(LossTerms._fields, losses.isfinite().tolist(), strict=True))
            bad = [name for name, fine in finite.items() if not fine]
            if bad:  # the total is named only if it alone is at fault
                raise NonFinite([name for name in bad if name != "total"] or bad, iteration)
            rows.append(losses[None])
        return torch.cat(rows)


@contextmanager
def training_settings(params: Train) -> Iterator[None]:
    """PyTorch's settings while a training runs: fixed threads, for they change sums,
    deterministic kernels, and fp32 that is fp32. They are put back afterwards.

    cuDNN would run fp32 convolutions in TF32, with 10 bits of mantissa, by default. With
    `train.deterministic: false` it tries its kernels and takes the fastest, whatever their order of
    additions: a run that was stopped and goes on then differs in its last digits.
    """
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    threads, tf32 = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    search = torch.backends.cudnn.benchmark
    try:
        torch.set_num_threads(params.threads)
        torch.use_deterministic_algorithms(params.deterministic, warn_only=True)
        # Filling every new tensor finds reads of unset memory; it costs time on each.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.allow_tf32 = params.precision == "tf32"
        torch.backends.cudnn.benchmark = not params.deterministic
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = search
