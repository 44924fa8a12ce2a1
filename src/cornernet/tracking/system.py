"""What a training does to its machine: processor, memory, disk, network, and GPUs where there are.

MLflow's own monitors take the samples, in a thread of their own. Their means go with the next row
of the history, so that the curves share its iterations and a resumed run continues them.
"""

import os
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

INTERVAL = "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"  # MLflow's own variable, and its default
DEFAULT_INTERVAL = 10.0  # seconds
PREFIX = "system/"  # by which MLflow's pages know them
MONITORS = (
    ("cpu_monitor", "CPUMonitor"),
    ("disk_monitor", "DiskMonitor"),
    ("network_monitor", "NetworkMonitor"),
    ("gpu_monitor", "GPUMonitor"),  # needs nvidia-ml-py
    ("rocm_monitor", "ROCMMonitor"),
)


class SystemMetrics:
    """Samples from `start` to `stop`; without MLflow, or without psutil, there are none."""

    def __init__(self, interval: float | None = None) -> None:
        asked = float(os.environ.get(INTERVAL) or DEFAULT_INTERVAL)
        self._interval = asked if interval is None else interval
        self._monitors: list[Any] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._sample_now_and_then, daemon=True)

    def start(self) -> None:
        """Begin to sample."""
        self._monitors = list(_monitors())
        if self._monitors:
            _quietly(self._sample)  # psutil counts the processor's load from one call to the next
            for monitor in self._monitors:
                monitor.clear_metrics()
            self._thread.start()

    def take(self, last: bool = False) -> dict[str, float]:
        """Means since they were last taken; empty if no sample was since. `last`: one more."""
        if last and self._monitors:
            _quietly(self._sample)
        with self._lock:
            means: dict[str, float] = {}
            for monitor in self._monitors:
                if monitor.metrics:
                    means.update(_quietly(monitor.aggregate_metrics) or {})
                    monitor.clear_metrics()
        return {f"{PREFIX}{name}": float(value) for name, value in means.items()}

    def stop(self) -> None:
        """Take no more samples."""
        self._stopping.set()

    def _sample_now_and_then(self) -> None:
        while not self._stopping.wait(self._interval):
            _quietly(self._sample)

    def _sample(self) -> None:
        with self._lock:
            for monitor in self._monitors:
                monitor.collect_metrics()


def _monitors() -> Iterator[Any]:
    """MLflow's monitors for what this machine has."""
    for module, name in MONITORS:
        try:
            yield getattr(import_module(f"mlflow.system_metrics.metrics.{module}"), name)()
        except Exception:  # not installed, or no such device: then it is not watched
            continue


def _quietly(call: Callable[[], Any]) -> Any:
    """The result of a call whose failure is no reason to stop a training."""
    try:
        return call()
    except Exception:
        return None
