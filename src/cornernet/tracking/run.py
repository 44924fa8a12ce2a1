"""The run of a training: its curves while they grow, and its end."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cornernet.tracking import server
from cornernet.tracking.registry import ModelFiles
from cornernet.tracking.send import PATIENCE, Curves, read_points, send, send_files, sender_lock
from cornernet.training.history import VALIDATION

INTERVAL = 3.0  # seconds between two looks at the history
RETRY_INTERVAL = 60.0  # seconds to leave a tracker alone that failed


class Run:
    """A training as MLflow sees it: `model` says what it is, and by which key it goes on.

    No method raises because of MLflow. `run_id` and `page` are MLflow's, None as long as MLflow has
    not been told of the run; nothing is sent before `following`.
    """

    def __init__(
        self, model: ModelFiles, folder: Path = server.MLFLOW_FOLDER, say: server.Say = server.say
    ) -> None:
        self.run_id: str | None = None
        self.page: str | None = None
        self.model, self._folder, self._attempts = model, folder, server.Attempts(say)

    @contextmanager
    def following(self, history: Path) -> Iterator[None]:
        """Send the rows of `history`, and of a validation.csv beside it, as they come.

        A thread does; whoever writes the files never waits. What MLflow misses while it is away
        lies in the files, and is sent when it is back, or by `finish`.
        """
        self.model = replace(self.model, curves=(history, history.with_name(VALIDATION)))
        stop = threading.Event()
        thread = threading.Thread(target=self._follow, args=(stop,), daemon=True)
        if not server.leaves_to_others(self._folder):
            thread.start()
        try:
            yield
        finally:
            stop.set()
            if thread.is_alive():
                thread.join(PATIENCE)

    def finish(self, status: str, *curves: Path) -> None:
        """End the run as FINISHED, FAILED or KILLED; what MLflow lacks of the curves is sent.

        `curves`: where their files lie now, if elsewhere. Waits no longer than a tracker that is
        away takes to be known as such.
        """
        curves = curves or self.model.curves
        model = replace(self.model, status=status, curves=curves)
        if not server.leaves_to_others(self._folder):
            sent = send([model], self._folder, self._attempts, is_training=True)
            self._found(sent.get(model.key))

    def _found(self, info: Any) -> None:
        if info is not None:
            self.run_id = info.run_id
            self.page = f"{server.site(self._folder)}/{server.run_page(info)}"

    def _follow(self, stop: threading.Event) -> None:
        pause = 0.0
        while not stop.wait(pause):
            pause = RETRY_INTERVAL
            with self._attempts.attempt(), sender_lock(self._folder, self.model.key):
                client = server.connect(self._folder)
                self._found(send_files(client, self._folder, self.model, is_training=True))
                run_id = self.run_id  # a training's run is made if it is not there
                client.update_run(run_id, status="RUNNING")
                curves = Curves(client, run_id)
                with ExitStack() as system_metrics:
                    with suppress(ImportError):  # psutil is missing
                        from mlflow.system_metrics.system_metrics_monitor import (
                            SystemMetricsMonitor,
                        )

                        # A thread that sends the load of processor, memory, disk, network and GPUs.
                        uri = server.address(self._folder)
                        monitor = SystemMetricsMonitor(
                            run_id, resume_logging=True, tracking_uri=uri
                        )
                        monitor.start()
                        system_metrics.callback(monitor.finish)
                    while not stop.wait(INTERVAL):
                        for path in self.model.curves:
                            curves.send(read_points(path))
