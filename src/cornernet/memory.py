"""What counts as running out of memory, whichever device or allocator says so."""

import torch

# Torch's CPU allocator raises a plain RuntimeError: "[enforce fail at alloc_cpu.cpp:...]
# DefaultCPUAllocator: can't allocate memory", on Windows "DefaultCPUAllocator: not enough memory".
_CPU_ALLOCATOR = "DefaultCPUAllocator"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that the memory of a GPU or of the machine does not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _CPU_ALLOCATOR in str(error)
