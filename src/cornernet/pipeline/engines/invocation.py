"""Which call of a workflow engine a run belongs to; the tracker's pages group runs by it."""

import os
import time

INVOCATION = "CORNERNET_INVOCATION"  # set by the Snakefile; whoever calls stages may set it
DVC_STAGE = "DVC_STAGE"  # which DVC sets for every command that it runs


def invocation() -> str | None:
    """The name of this invocation: what the environment says, else the `dvc` that called; or None.

    DVC gives its commands no name for its own call, so its process gives it: when it began.
    """
    named = os.environ.get(INVOCATION)
    if named or DVC_STAGE not in os.environ:
        return named or None
    try:
        import psutil
    except ImportError:
        return None
    try:
        for caller in psutil.Process().parents():
            if any(os.path.basename(word) == "dvc" for word in caller.cmdline()[:4]):
                began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(caller.create_time()))
                return f"{began} dvc {caller.pid}"
    except psutil.Error:  # it ended meanwhile, or is another user's
        pass
    return None
