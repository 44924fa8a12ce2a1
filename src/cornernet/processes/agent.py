"""Starts processes that work together and watches them, by torchrun's elastic agent.

The agent runs in this process, one on each node. A member that crashes, is killed or hangs ends its
group, which the agent starts again. What a new start would not mend, members return.
"""

import json
import logging
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError, rendezvous_handler_registry
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from cornernet.processes.nodes import Nodes
from cornernet.processes.rendezvous import BACKEND, Rendezvous, process_group
from cornernet.processes.supervision import STOPPING, Heartbeat, StopRequest, Supervision, watched

SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_TO_BLAME = 3.0

# Given a rank among all members, their number, the heartbeat and the device.
Work = Callable[[int, int, Heartbeat, str], Any]


class MembersFailed(Exception):
    """The members were started as often as allowed; says why the last ones ended."""


@dataclass(frozen=True)
class Rules:
    """How members are dealt with."""

    name: str
    restarts: int
    hang_minutes: float
    report: Callable[[str], None]  # is told why they are started again
    failures: Path  # the folder where the traceback of a member's last error is left


def run_members(
    work: Work, devices: tuple[str, ...], nodes: Nodes, request: StopRequest, rules: Rules
) -> Any:
    """Run `work`, which is picklable, in a process for each of `devices`; what the first returns.

    Members are to look at `request`: stopping signals reach them in no other way. Raises
    MembersFailed, with one line that says why.
    """
    supervision = Supervision(len(devices))
    # Keep the agent's own log, with the tracebacks of members, from standard error.
    for name in ("torch.distributed.elastic", "torch.multiprocessing.spawn"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    rendezvous_handler_registry.register(BACKEND, Rendezvous)
    with tempfile.TemporaryDirectory() as folder, watched(supervision, rules.hang_minutes) as why:
        reasons = Reasons(Path(folder), why, rules)
        config = LaunchConfig(
            min_nodes=nodes.count,
            max_nodes=nodes.count,
            nproc_per_node=len(devices),
            run_id=rules.name,
            rdzv_backend=BACKEND,
            rdzv_configs={
                "nodes": nodes,
                "supervision": supervision,
                "request": request,
                "restarting": reasons.report,
            },
            max_restarts=rules.restarts,
            monitor_interval=SECONDS_BETWEEN_LOOKS,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
            signals_to_handle="SIGQUIT",  # we see to the others
        )
        # Its first lock makes multiprocessing start a process, after which it unblocks signals.
        multiprocessing.get_context("spawn").Lock()
        # Members are born with these blocked, so that none ends them. Here the watching thread,
        # which is older than this, takes them in, and Python runs their handlers in the main one.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            endings = elastic_launch(config, _member)(work, devices, supervision, os.getpid())
        except ChildFailedError as error:
            raise MembersFailed(reasons.final(error)) from error
        except SignalException as error:
            raise KeyboardInterrupt from error
        except (RendezvousError, dist.DistError) as error:
            raise MembersFailed(f"node {nodes.rank} of {nodes.count}: {error}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return endings[min(endings)]


def _member(work: Work, devices: tuple[str, ...], supervision: Supervision, agent: int) -> Any:
    """What a process of the group runs."""
    threading.Thread(target=_end_with, args=(agent,), daemon=True).start()
    index = int(os.environ["LOCAL_RANK"])
    heartbeat = Heartbeat(supervision, index)
    try:
        with process_group(devices[index], supervision) as (rank, size):
            return work(rank, size, heartbeat, devices[index])
    except Exception:  # of any kind, and raised again: a member that lost another fails by it, too
        time.sleep(SECONDS_TO_BLAME)  # so that the agent sees first who failed first, and ends all
        raise


def _end_with(agent: int) -> None:
    """End this process when its agent says so, or is no more; others' signals are for the agent."""
    while os.getppid() == agent:
        told = signal.sigtimedwait(STOPPING, SECONDS_BETWEEN_LOOKS)
        if told is not None and told.si_signo == signal.SIGTERM and told.si_pid == agent:
            break
    os._exit(1)


class Reasons:
    """Why members ended: what was seen of them, and the files that torch lets them leave."""

    def __init__(self, folder: Path, seen: list[str], rules: Rules) -> None:
        self._folder, self._seen, self._rules = folder, seen, rules
        self._starts = 0

    def report(self) -> None:
        """Say why the members are started again."""
        self._starts += 1
        errors = self._folder.glob("*/attempt_*/*/error.json")
        latest = max(errors, key=lambda path: path.stat().st_mtime, default=None)
        why = "a process was killed, or crashed"
        if self._seen:
            why = self._seen.pop()
        elif latest is not None:
            why = f"a process failed: {json.loads(latest.read_text())['message']['message']}"
            latest.unlink()
        self._rules.report(f"note: {why}; starts again ({self._starts} of {self._rules.restarts})")

    def final(self, error: ChildFailedError) -> str:
        """The one line for the end; the traceback is left in a file."""
        rank, failure = error.get_first_failure()
        how = f"was ended by {failure.signal_name()}"
        if failure.exitcode >= 0:
            how = f"ended with exit code {failure.exitcode}"
        if isinstance(failure.message, dict):
            path = self._rules.failures / "failure.txt"
            path.write_text(failure.message["extraInfo"]["py_callstack"])
            how = f"failed: {failure.message['message']} (see {path})"
        why = self._seen.pop() if self._seen else f"process {rank} {how}"
        return f"{why}, and {self._rules.restarts} new starts did not help"
