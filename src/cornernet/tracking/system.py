"""What a training does to its machine: processor, memory, disk, network, and GPUs where there are.

MLflow's own monitors take the samples, in a thread of ours. Their means go with the next row of
the history, so that the curves share its iterations and a resumed run continues them.
"""

import os
import threading
from contextlib import suppress
from typing import Any

INTERVAL = "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"  # MLflow's own variable, and its default
DEFAULT_INTERVAL = 10.0  # seconds
PREFIX = "system/"  # by which MLflow's pages know them


class SystemMetrics:
    """Samples from `start` to `stop`; without MLflow, or without psutil, there are none."""

    def __init__(self) -> None:
        self._interval = float(os.environ.get(INTERVAL) or DEFAULT_INTERVAL)
        self._monitors: list[Any] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to sample."""
        with suppress(ImportError):
            self._monitors = _monitors()
            self._sample()  # psutil counts the processor's load from one call to the next
            self.take()
            threading.Thread(target=self._sample_now_and_then, daemon=True).start()

    def take(self, last: bool = False) -> dict[str, float]:
        """Means since they were last taken; empty if no sample was since. `last`: one more."""
        if last and self._monitors:
            self._sample()
        means: dict[str, float] = {}
        with self._lock:
            for monitor in self._monitors:
                means |= monitor.aggregate_metrics()
                monitor.clear_metrics()
        return {f"{PREFIX}{name}": float(value) for name, value in means.items()}

    def stop(self) -> None:
        """Take no more samples."""
        self._stopping.set()

    def _sample_now_and_then(self) -> None:
        while not self._stopping.wait(self._interval):
            self._sample()

    def _sample(self) -> None:
        """One more sample; a driver that fails is no reason to stop a training."""
        import psutil  # which MLflow's monitors need

        with self._lock, suppress(OSError, RuntimeError, psutil.Error):
            for monitor in self._monitors:
                monitor.collect_metrics()


def _monitors() -> list[Any]:
    """MLflow's monitors for what this machine has. Raises ImportError without MLflow or psutil."""
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor
    from mlflow.system_metrics.metrics.rocm_monitor import ROCMMonitor

    monitors = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    for gpus in (GPUMonitor, ROCMMonitor):
        with suppress(ImportError, RuntimeError):  # no such device, or its library is missing
            monitors.append(gpus())
    return monitors
