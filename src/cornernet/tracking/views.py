"""Ready-made views of an experiment's page: AP beside AP, one row per model; and by invocation.

MLflow's pages keep a view that is shared by its link as a tag of the experiment; these are written
in the same form (as MLflow 3.17 reads it). A page that does not know the form ignores it.
"""

import json
from typing import Any

from cornernet.tracking.server import Server

TAG = "mlflow.sharedViewState."
RESULTS, INVOCATIONS = "results", "invocations"
COLUMNS = (
    *(
        f"metrics.`{metric}.val.single_scale`"
        for metric in ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
    ),
    "metrics.`AP.val.gt_heatmaps`",
    "metrics.`AP.val.gt_heatmaps_offsets`",
    "metrics.`AP.test_dev.single_scale`",
    "metrics.`AP.test_dev.multi_scale`",
    "attributes.`Duration`",
    "attributes.`Models`",
    "tags.`invocation`",
)
STATE: dict[str, Any] = {
    "searchFilter": "",
    "orderByKey": "attributes.start_time",
    "orderByAsc": True,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "datasetsFilter": [],
    "modelVersionFilter": "All Runs",
    "selectedColumns": list(COLUMNS),
    "groupBy": None,
}
BY_INVOCATION = {
    "aggregateFunction": "average",
    "groupByKeys": [{"mode": "tag", "groupByData": "invocation"}],
}


def write_views(server: Server) -> None:
    """Put the views on the experiment, those that it does not have so."""
    tags = server.client.get_experiment(server.experiment).tags
    for name, state in ((RESULTS, STATE), (INVOCATIONS, {**STATE, "groupBy": BY_INVOCATION})):
        value = json.dumps(state)
        if tags.get(f"{TAG}{name}") != value:
            server.client.set_experiment_tag(server.experiment, f"{TAG}{name}", value)


def page_of(server: Server) -> str:
    """The path of the view of results on the tracker's site."""
    return (
        f"/#/experiments/{server.experiment}/runs"
        f"?viewStateShareKey={RESULTS}&workflowType=machine_learning"
    )
