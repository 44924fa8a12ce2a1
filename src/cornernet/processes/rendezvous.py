"""How agents, and then their members, find each other: through a store on the first node.

Torch's own rendezvous listens on all addresses of a machine; this one on the first node's alone.
"""

import fcntl
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.elastic.rendezvous import (
    RendezvousClosedError,
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    RendezvousStoreInfo,
    RendezvousTimeoutError,
)

from cornernet.errors import BadInput
from cornernet.processes.nodes import Nodes
from cornernet.processes.supervision import StopRequest, Supervision

BACKEND = "cornernet"  # the name in torch's registry
HERE = "nodes that are here for start {}"  # a count in the store
PATIENCE = timedelta(minutes=15)  # for nodes to come together
# The first member writes a checkpoint, or validates, while the others wait for it.
MEMBERS_PATIENCE = timedelta(minutes=30)
SECONDS_BETWEEN_LOOKS = 0.1
INTERFACE_ADDRESS = 0x8915  # SIOCGIFADDR: the IPv4 address of a network interface


class Rendezvous(RendezvousHandler):
    """Brings the agents of all nodes together before each start of their members.

    Made by torch, from `LaunchConfig.rdzv_configs`: nodes, supervision, request, and `restarting`,
    which is called before the members are started again.
    """

    def __init__(self, params: RendezvousParameters) -> None:
        self._nodes: Nodes = params.get("nodes")
        self._supervision: Supervision = params.get("supervision")
        self._request: StopRequest = params.get("request")
        self._restarting: Callable[[], None] = params.get("restarting")
        self._run_id, self._starts = params.run_id, 0
        address, self._port, listener = self._nodes.address, self._nodes.port, None
        first = self._nodes.rank == 0
        if first:
            socket_ = _listener(address, self._port)
            self._port, listener = socket_.getsockname()[1], socket_.detach()
        self._store = dist.TCPStore(
            address,
            self._port,
            is_master=first,
            timeout=PATIENCE,
            wait_for_workers=False,
            master_listen_fd=listener,
        )

    def next_rendezvous(self) -> RendezvousInfo:
        """Wait for the agents of all nodes."""
        if self._starts:
            self._restarting()
        self._starts += 1
        here, deadline = HERE.format(self._starts), time.monotonic() + PATIENCE.total_seconds()
        self._store.add(here, 1)
        while self._store.add(here, 0) < self._nodes.count:
            if self._request.number or self.is_closed():
                raise RendezvousClosedError("another node ended")
            if time.monotonic() > deadline:
                raise RendezvousTimeoutError("other nodes did not come")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        self._supervision.begin(self._starts)
        store = dist.PrefixStore(f"agents of start {self._starts}", self._store)
        address = RendezvousStoreInfo(self._nodes.address, self._port)
        return RendezvousInfo(store, self._nodes.rank, self._nodes.count, address)

    def num_nodes_waiting(self) -> int:
        """Agents that wait for this one to start its members again."""
        return int(self._store.add(HERE.format(self._starts + 1), 0))

    def is_closed(self) -> bool:
        """Whether an agent has ended."""
        return bool(self._store.check(["closed"]))

    def set_closed(self) -> None:
        """Tell the other agents that this one ends."""
        with suppress(RuntimeError):  # the first node, which had the store, has ended before
            self._store.set("closed", "")

    def shutdown(self) -> bool:
        """Called by torch in the end."""
        self.set_closed()
        return True

    def get_run_id(self) -> str:
        """The name of what is run."""
        return self._run_id

    def get_backend(self) -> str:
        """The name in torch's registry."""
        return BACKEND


@contextmanager
def process_group(device: str, supervision: Supervision) -> Iterator[tuple[int, int]]:
    """Join the process group that the agent describes in the environment: yields rank and size.

    NCCL between GPUs, gloo for what lies on the CPU. All members leave together: one that left
    earlier would cut the connection while another still receives over it.
    """
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    cuda = torch.device(device).type == "cuda"
    if cuda:
        torch.cuda.set_device(device)
    if size == 1:
        yield rank, size
        return
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    for library in ("GLOO", "NCCL"):  # else they listen wherever the host's name leads
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", _interface_towards(address))
    base = dist.TCPStore(address, port, is_master=False, timeout=MEMBERS_PATIENCE)
    # Keys of each start's own: those of a start that failed would be taken for its members'.
    store = dist.PrefixStore(f"members of start {supervision.starts.value}", base)
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    dist.init_process_group(
        backend, store=store, rank=rank, world_size=size, timeout=MEMBERS_PATIENCE
    )
    yield rank, size
    if store.add("leaving", 1) == size:
        store.set("left", "")
    store.wait(["left"], MEMBERS_PATIENCE)
    dist.destroy_process_group()


def _listener(address: str, port: int) -> socket.socket:
    """A socket that listens on this machine's `address`. Raises BadInput if it cannot."""
    try:
        return socket.create_server((address, port))
    except OSError as error:
        raise BadInput(
            f"cannot listen on {address}, port {port} ({error.strerror}): set MASTER_ADDR to the "
            "first node's address and MASTER_PORT to a free port, alike on all nodes"
        ) from error


def _interface_towards(address: str) -> str:
    """The network interface that has this machine's address on the way to `address`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 1))  # sends nothing
        own = socket.inet_aton(probe.getsockname()[0])
        for _, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without an address
                answer = fcntl.ioctl(probe, INTERFACE_ADDRESS, struct.pack("256s", name.encode()))
                if answer[20:24] == own:
                    return name
    return "lo"
