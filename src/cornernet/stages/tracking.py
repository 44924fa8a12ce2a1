"""`cornernet tracking`: initialises MLflow's database, before anyone writes to it."""

import argparse

from cornernet.stages.options import params_of
from cornernet.tracking import initialise


def run(options: argparse.Namespace) -> None:
    """Create or migrate the database, and the profile's experiment."""
    profile = params_of(options).profile
    try:
        initialise(profile)
    except ImportError:
        print("MLflow is not installed: runs are not tracked, their history stays in files")
        return
    print(f"experiment {profile} is ready")
