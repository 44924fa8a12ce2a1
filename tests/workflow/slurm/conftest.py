"""A real Slurm of two nodes on this machine, shared by all tests of it and taken down after them."""

import os
import shutil
import socket
import stat
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from workflow.slurm.commands import slurm, until

TEMPLATE = Path(__file__).with_name("slurm.conf")
CONFIGURATION = Path("/etc/slurm")  # where Slurm looks, in jobs too
MUNGE = Path("/run/munge")
GPUS = [Path(f"/dev/fakegpu{number}") for number in range(8)]
NODES = ("node1", "node2")


def lacking():
    """Why Slurm cannot be started here, or None."""
    if os.name != "posix" or os.getuid() != 0:
        return "Slurm's daemons are started by root"
    if not all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        return "no Slurm here: apt-get install slurm-wlm munge"
    if "is UP" in slurm("scontrol", "ping"):
        return f"this machine has a Slurm of its own: {CONFIGURATION}/slurm.conf"
    return None


@pytest.fixture(scope="session")
def two_nodes(tmp_path_factory):
    """Slurm's daemons, each with its own folder, log and port."""
    if reason := lacking():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    with ExitStack() as started:
        started.enter_context(munge())
        started.enter_context(gpu_devices())
        started.enter_context(configuration(folder))
        (folder / "state").mkdir()
        started.enter_context(daemon("slurmctld", "-D"))
        for node in NODES:
            (folder / f"spool.{node}").mkdir()
            started.enter_context(daemon("slurmd", "-D", "-N", node))
        until(lambda: slurm("sinfo", "-hNp", "gpu", "-o%T").split() == ["idle"] * 2, seconds=60)
        try:
            yield folder
        finally:
            slurm("scancel", "--user=root", "--signal=KILL", "--full")
            slurm("scancel", "--user=root")
            until(lambda: not slurm("squeue", "-h"), seconds=60)


@contextmanager
def daemon(*command):
    """A program that runs until the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def munge():
    """What proves to Slurm who a user is; started unless it is there."""
    if slurm("munge", "--no-input"):
        yield
        return
    MUNGE.mkdir(exist_ok=True)
    MUNGE.chmod(0o755)
    with daemon("munged", "--foreground", "--force"):
        until(lambda: slurm("munge", "--no-input"), seconds=10)
        yield


@contextmanager
def gpu_devices():
    """Files that Slurm may give to jobs as GPUs: each is like /dev/null."""
    made = [path for path in GPUS if not path.exists()]
    for path in made:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    try:
        yield
    finally:
        for path in made:
            path.unlink()


@contextmanager
def configuration(folder):
    """slurm.conf and gres.conf, where all of Slurm finds them; what was there returns afterwards."""
    text = TEMPLATE.read_text().replace("FOLDER", str(folder))
    text = text.replace("HOST", socket.gethostname().partition(".")[0])
    for number, port in enumerate(free_ports(3)):
        text = text.replace(f"PORT{number}", str(port))
    gpus = [f"NodeName={node} Name=gpu File=/dev/fakegpu[0-7]\n" for node in NODES]
    links = {"slurm.conf": text, "gres.conf": "".join(gpus)}
    before = folder / "before"
    before.mkdir()
    for name, content in links.items():
        (folder / name).write_text(content)
        if os.path.lexists(CONFIGURATION / name):
            shutil.move(CONFIGURATION / name, before)
        (CONFIGURATION / name).symlink_to(folder / name)
    try:
        yield
    finally:
        for name in links:
            (CONFIGURATION / name).unlink()
        for path in before.iterdir():
            shutil.move(path, CONFIGURATION)


def free_ports(count):
    """Ports that nobody listens on now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
