"""Which devices a training uses, and which chunks each of them computes."""

from collections.abc import Callable
from itertools import pairwise

import torch


def choose_devices(wanted: int, num_chunks: int, report: Callable[[str], None]) -> tuple[str, ...]:
    """The devices to train on: at most `wanted`, as many as there are, one chunk each at least.

    GPUs are those that CUDA_VISIBLE_DEVICES leaves. `report` is told when there are fewer than
    `wanted`.
    """
    present = torch.cuda.device_count()
    used = min(wanted, present, num_chunks)
    if present == 0:
        report(f"train.devices asks for {wanted} GPUs, none is here: training on the CPU")
        return ("cpu",)
    if present < min(wanted, num_chunks):
        report(f"train.devices asks for {wanted} GPUs, {present} here: training on {used}")
    return tuple(f"cuda:{number}" for number in range(used))


def deal_chunks(num_chunks: int, processes: int) -> tuple[tuple[int, ...], ...]:
    """The chunk numbers of each process: neighbours together, shares of equal size or one apart.

    Later processes take the larger shares: the first has the first chunk, the statistics, the
    checkpoints. Raises ValueError when a process would have none.
    """
    if not 1 <= processes <= num_chunks:
        raise ValueError(f"{num_chunks} chunks cannot be dealt to {processes} processes")
    ends = [number * num_chunks // processes for number in range(processes + 1)]
    return tuple(tuple(range(a, b)) for a, b in pairwise(ends))
