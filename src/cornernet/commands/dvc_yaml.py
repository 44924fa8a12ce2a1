"""`cornernet dvc-yaml`: writes dvc.yaml for the profile that params/profile.yaml names."""

import argparse

from cornernet.config import load_params
from cornernet.config.profiles import default_profile
from cornernet.files import write_if_changed
from cornernet.pipeline.engines.dvc_file import DVC_FILE, dvc_text
from cornernet.pipeline.graph import Graph


def run(options: argparse.Namespace) -> None:
    """Write the file. Raises BadInput for a profile that DVC cannot run."""
    profile = default_profile()
    write_if_changed(DVC_FILE, dvc_text(Graph(load_params(profile))))
    print(f"{DVC_FILE}: the stages of profile {profile}")
