"""How maps may lie in memory."""

from collections.abc import Iterable

CPU_VECTOR = 16  # float32 numbers in the widest vector of a CPU (AVX-512)


def fill_vectors(widths: Iterable[int]) -> bool:
    """Whether all widths (channels of a network's maps) are whole numbers of a CPU's vectors.

    Only then may channels be innermost on a CPU: torch 2.13's kernels write past their buffers
    where a layer has few channels (4, with 127 pixels: the process dies).
    """
    return all(width % CPU_VECTOR == 0 for width in widths)
