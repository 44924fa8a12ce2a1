"""What benchmarks ask of the device that they run on; on a CPU there is little to ask."""

from collections.abc import Callable, Mapping

import torch

from cornernet.benchmarks.record import Measurement
from cornernet.benchmarks.timing import Spread, Times, nothing


def synchronizer(device: str) -> Callable[[], None]:
    """What waits until the device has done its work."""
    return torch.cuda.synchronize if device != "cpu" else nothing


def note_of(device: str, quick: bool) -> str:
    """Which device this is, for the record."""
    name = torch.cuda.get_device_name() if device != "cpu" else "the CPU"
    return f"device: {device} ({name})" + (", quick: no measurement" if quick else "")


def forget_peak(device: str) -> None:
    """Count the peak of memory from here on."""
    if device != "cpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gigabytes(device: str) -> float | None:
    """The most memory that tensors took since `forget_peak`, in 10^9 bytes; None on a CPU."""
    return torch.cuda.max_memory_allocated() / 1e9 if device != "cpu" else None


def as_cuda_graph(work: Callable[[], object], device: str) -> Callable[[], object]:
    """`work` as a CUDA graph, for what takes a GPU less time than Python to ask for.

    In training the CPU is ahead of the GPU, and what it takes to launch a layer does not show.
    """
    if device == "cpu":
        return work
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # compiles and chooses kernels: a capture must not
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def rates(
    case: str, times: Mapping[str, Times], amount: float, unit: str, precision: str
) -> list[Measurement]:
    """`amount` per second for each side of `time_in_turn`."""
    return [
        Measurement(case, side, Spread.of([amount / s for s in t.seconds]), unit, precision)
        for side, t in times.items()
    ]
