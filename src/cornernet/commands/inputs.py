"""`cornernet inputs`: writes what each job depends on as files, which both engines read."""

import argparse

from cornernet.options import params_of
from cornernet.pipeline.engines.dvc_file import check_dvc_file
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.staleness.resolved import refresh


def run(options: argparse.Namespace) -> None:
    """Write the files whose content changed. Raises BadInput if dvc.yaml is another profile's."""
    graph = Graph(params_of(options))
    check_dvc_file(graph)
    refresh(graph)
