"""A network in training: one step after another, on this member's share of the chunks."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from cornernet.config.schema import Params, Train
from cornernet.data.sampling.loader import batches
from cornernet.data.sampling.samples import Chunk, TrainingSamples
from cornernet.errors import BadInput, naming_out_of_memory
from cornernet.model.losses import LossTerms
from cornernet.model.network import CornerNet
from cornernet.training.chunk_losses import ChunkLosses, form_for, runs_channels_last
from cornernet.training.gradients import accumulate_gradients, flat_gradients
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
        form = form_for(params.train, where)
        self.losses = ChunkLosses(num_categories, params, where, form, report)

    def chunks(self, samples: TrainingSamples) -> Generator[dict[int, Chunk], None, None]:
        """This member's chunks by number, for each iteration that is left."""
        train = self.params.train
        mine = deal_chunks(len(train.chunks), self.group.size)[self.group.rank]
        known = (samples, train.chunks, self.iteration, train.iterations, train.workers)
        for chunks in batches(*known, mine=mine):
            yield dict(zip(mine, chunks, strict=True))

    def step(
        self, source: Iterator[dict[int, Chunk]], stop: int = 0, failure: Exception | None = None
    ) -> tuple[Tensor, int]:
        """One iteration. Returns its losses, the mean LossTerms [6], and the signal to stop by.

        `stop` and `failure` are this member's own, to be told to the others. Raises NonFinite, with
        the weights as before this iteration, and any member's failure: its own, or BadInput for an
        image that cannot be read or memory that is too small.
        """
        self.gradients.zero_()
        losses: Tensor | None = None
        try:
            losses = accumulate_gradients(self.model, next(source), self.losses)
        except BadInput as error:
            failure = error
        stop = self.group.agree(stop, failure)
        assert losses is not None, "else a failure was raised"
        self.group.sum(losses)
        self.group.sum(self.gradients)
        mean = losses.mean(dim=0).cpu()  # float64 [6]; waits for the device
        _require_finite(mean, self.iteration + 1)
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = learning_rate(self.params.train, self.iteration)
        self.optimizer.step()
        self.iteration += 1
        self.group.heartbeat.step_done()
        return mean, stop


def _require_finite(losses: Tensor, iteration: int) -> None:
    """Raise NonFinite unless all LossTerms [6] are finite; the total is named only if alone."""
    terms = zip(LossTerms._fields, losses.isfinite().tolist(), strict=True)
    if bad := [name for name, fine in terms if not fine]:
        raise NonFinite([name for name in bad if name != "total"] or bad, iteration)


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
    threads, tf32 = torch.get_num_threads(), params.precision == "tf32"
    cudnn = torch.backends.cudnn.flags(
        enabled=True, benchmark=not params.deterministic, allow_tf32=tf32
    )
    try:
        torch.set_num_threads(params.threads)
        torch.use_deterministic_algorithms(params.deterministic, warn_only=True)
        # Filling every new tensor finds reads of unset memory; it costs time on each.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        with cudnn:
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
