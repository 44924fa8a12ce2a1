"""What the members of tests' groups run, and a program that starts a group (to be killed).

Usage: python members.py FOLDER WORK PROCESSES RESTARTS HANG_MINUTES
"""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist

from cornernet.processes.agent import MembersFailed, Rules, run_members
from cornernet.processes.nodes import this_node
from cornernet.processes.signals import stop_requests


def starts(folder, rank):
    """How often this member was started, this time included."""
    (folder / f"{rank}-{os.getpid()}").touch()
    return len(list(folder.glob(f"{rank}-*")))


def together(size):
    """All members meet."""
    total = torch.ones(1)
    if size > 1:
        dist.all_reduce(total)
    return int(total)


def kills_itself(last, folder, rank, size, heartbeat, device):
    """The last member is killed at each start up to `last`."""
    number = starts(folder, rank)
    together(size)
    if rank == size - 1 and number <= last:
        os.kill(os.getpid(), signal.SIGKILL)
    return rank, together(size), number


def stops_itself(folder, rank, size, heartbeat, device):
    """The last member is stopped by the system, once."""
    number = starts(folder, rank)
    heartbeat.step_done()
    if rank == size - 1 and number == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    with heartbeat.excused():  # the others wait
        return together(size), number


def raises(folder, rank, size, heartbeat, device):
    starts(folder, rank)
    together(size)
    if rank == size - 1:
        raise ZeroDivisionError("of the last member")
    together(size)


def waits(request, folder, rank, size, heartbeat, device):
    """Until it is asked to stop."""
    starts(folder, rank)
    while not request.number:
        time.sleep(0.05)
    return request.number


def main():
    folder, work, processes, restarts, minutes = sys.argv[1:]
    folder = Path(folder)
    with stop_requests() as request:
        works = {
            "kills_itself": partial(kills_itself, int(restarts), folder),
            "kills_itself_always": partial(kills_itself, 99, folder),
            "stops_itself": partial(stops_itself, folder),
            "raises": partial(raises, folder),
            "waits": partial(waits, request, folder),
        }
        rules = Rules("test", int(restarts), float(minutes), print, folder)
        devices = ("cpu",) * int(processes)
        try:
            ended = run_members(works[work], devices, this_node(os.environ), request, rules)
        except MembersFailed as error:
            print("failed:", error)
            return 1
    print("ended:", ended)
    return 0


if __name__ == "__main__":
    sys.exit(main())
