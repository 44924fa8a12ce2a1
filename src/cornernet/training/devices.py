"""Which chunks each of a training's devices computes."""

from itertools import pairwise


def deal_chunks(num_chunks: int, processes: int) -> tuple[tuple[int, ...], ...]:
    """The chunk numbers of each process: neighbours together, shares of equal size or one apart.

    Later processes take the larger shares: the first has the first chunk, the statistics, the
    checkpoints. Raises ValueError when a process would have none.
    """
    if not 1 <= processes <= num_chunks:
        raise ValueError(f"{num_chunks} chunks cannot be dealt to {processes} processes")
    ends = [number * num_chunks // processes for number in range(processes + 1)]
    return tuple(tuple(range(a, b)) for a, b in pairwise(ends))
