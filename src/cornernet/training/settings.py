"""PyTorch's process-wide settings while a training runs, put back afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from cornernet.config.schema import Train


@contextmanager
def training_settings(params: Train) -> Iterator[None]:
    """Fixed threads (they change sums), deterministic kernels, and fp32 that is fp32.

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
