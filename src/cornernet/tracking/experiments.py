"""One experiment per profile, with ready-made views of its page: AP beside AP, and by invocation.

MLflow keeps a view that is shared by its link as a tag of the experiment; these are written in the
same form (as MLflow 3.17 reads it). A page that does not know the form ignores it.
"""

import json
from pathlib import Path
from typing import Any

from cornernet.tracking.server import MLFLOW_FOLDER, address, connect, is_remote

# MLflow's own tag: its pages then show runs and their curves first, and not the pages for prompts.
KIND = {"mlflow.experimentKind": "custom_model_development"}
TAG = "mlflow.sharedViewState."
RESULTS, INVOCATIONS = "results", "invocations"
VAL, TEST_DEV = "val.single_scale", "test_dev.single_scale"
METRICS = (
    *(f"{metric}.{where}" for where in (VAL, TEST_DEV) for metric in ("AP", "AP50", "AP75")),
    *("AP.test_dev.multi_scale", "AP.val.gt_heatmaps", "AP.val.gt_heatmaps_offsets"),
    *(f"AP_{size}.{VAL}" for size in ("small", "medium", "large")),
)
OTHERS = (
    *(f"attributes.`{name}`" for name in ("Duration", "Models", "Source")),
    "tags.`invocation`",
)
STATE = {
    "searchFilter": "", "orderByKey": "attributes.start_time", "orderByAsc": True,
    "startTime": "ALL", "lifecycleFilter": "Active", "datasetsFilter": [],
    "modelVersionFilter": "All Runs",
    "selectedColumns": [*(f"metrics.`{name}`" for name in METRICS), *OTHERS],
}  # fmt: skip
GROUPS = [{"mode": "tag", "groupByData": "invocation"}]
BY_INVOCATION = {"aggregateFunction": "average", "groupByKeys": GROUPS}


def experiment_of(client: Any, folder: Path, profile: str, is_training: bool) -> str | None:
    """The id of a profile's experiment, made if there is none.

    None if someone deleted it; for a training it is restored.
    """
    from mlflow.exceptions import MlflowException

    # A server knows where its artifacts lie.
    where = None if is_remote(folder) else (folder / "artifacts" / profile).resolve().as_uri()
    found = client.get_experiment_by_name(profile)
    if found is None:
        try:
            client.create_experiment(profile, artifact_location=where, tags=KIND)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was first
                raise
        found = client.get_experiment_by_name(profile)
    if found.lifecycle_stage == "deleted":
        if not is_training:
            return None
        client.restore_experiment(found.experiment_id)
    for name, groups in ((RESULTS, None), (INVOCATIONS, BY_INVOCATION)):
        view = json.dumps({**STATE, "groupBy": groups})
        if found.tags.get(f"{TAG}{name}") != view:
            client.set_experiment_tag(found.experiment_id, f"{TAG}{name}", view)
    return str(found.experiment_id)


def pages(site: str, folder: Path = MLFLOW_FOLDER) -> dict[str, str]:
    """The page of each experiment that has runs, the one of the latest run first.

    `site` is where the repository's own database is shown; a server is its own site. Raises what
    `connect` raises.
    """
    client = connect(folder)
    site = address(folder) if is_remote(folder) else site
    found = [
        (run.info.start_time, experiment.name, experiment.experiment_id)
        for experiment in client.search_experiments()
        for run in client.search_runs([experiment.experiment_id], max_results=1)  # the latest
    ]
    view = f"runs?viewStateShareKey={RESULTS}&workflowType=machine_learning"
    newest_first = sorted(found, reverse=True)
    return {name: f"{site}/#/experiments/{number}/{view}" for _, name, number in newest_first}
