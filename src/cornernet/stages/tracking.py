"""`cornernet tracking`: makes MLflow ready before anyone writes to it, and sends what it missed."""

import argparse

from cornernet.files import write_text
from cornernet.options import params_of
from cornernet.pipeline.paths import Paths
from cornernet.tracking import send_waiting


def run(options: argparse.Namespace) -> None:
    """Create or migrate the database, and the profile's experiment; deliver what waits.

    A server that is away is said, and stops nothing: what it is to know waits for it.
    """
    profile = params_of(options).profile
    # What it says never changes: an address that changes must not train anew.
    write_text(Paths(profile).tracking, f"experiment {profile}\n")
    sent = send_waiting(profile)
    if sent is not None:
        print("\n".join(sent))
