"""The trained model in MLflow's registry: tensors and plain settings, no pickled code.

One version for each pair of weights and test settings; another look at the same adds none. A
version holds a copy of the weights (0.8 GB for the paper's network).
"""

import base64
import importlib.metadata
import mimetypes
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cornernet.tracking.server import Server

LOADER = "cornernet.tracking.served"
WEIGHTS, SETTINGS = "weights.safetensors", "settings.json"  # what it reads
# What a machine needs to load the model, besides this package.
REQUIREMENTS = ("torch", "numpy", "opencv-python-headless", "numba", "pandas", "safetensors")

# Tags of the run that say which model was logged of it last; a version has the first as well
MODEL_ID = "model_id"
MODEL_VERSION = "model_version"  # "name/version"
DIGEST = "digest"  # tag of a version: of the weights and the settings
HEADLINE = "AP."  # the metric of each test that a version carries as a tag


def log_model(server: Server, run_id: str, files: Path, entry: Mapping[str, Any]) -> None:
    """Log the model in `files` (weights.safetensors, settings.json, perhaps example.*).

    `entry`: `name` in the registry, `digest`, `tags` of the version. Nothing happens if the run
    has logged that model before.
    """
    client, name = server.client, entry["name"]
    version = _known_version(client, name, run_id, entry["digest"])
    if version is None:
        model = _logged(server, run_id, files, entry)
        # A server takes no folder's path, and a database cannot follow an id.
        source = f"models:/{model.model_id}" if server.is_remote else model.artifact_location
        tags = {DIGEST: entry["digest"], MODEL_ID: model.model_id, **entry["tags"]}
        version = client.create_model_version(
            name, source, run_id, tags, await_creation_for=0, model_id=model.model_id
        )
    client.set_tag(run_id, MODEL_ID, version.tags[MODEL_ID])
    client.set_tag(run_id, MODEL_VERSION, f"{name}/{version.version}")


def tag_version(client: Any, tags: Mapping[str, str], metrics: Mapping[str, float]) -> None:
    """Put the AP among `metrics` on the version that a run's `tags` name, if they name one."""
    name, _, version = tags.get(MODEL_VERSION, "").partition("/")
    for metric, value in metrics.items():
        if version and metric.startswith(HEADLINE):
            client.set_model_version_tag(name, version, metric, str(value))


def _known_version(client: Any, name: str, run_id: str, digest: str) -> Any:
    """The version of this run and digest, if there is one; makes the registry's entry if not."""
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.run_id == run_id and version.tags.get(DIGEST) == digest:
            return version
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    return None


def _logged(server: Server, run_id: str, files: Path, entry: Mapping[str, Any]) -> Any:
    """A new logged model, whole; one that broke off is removed."""
    from mlflow.entities import LoggedModelOutput
    from mlflow.exceptions import MlflowException

    client = server.client
    model = client.create_logged_model(
        server.experiment, name=entry["name"], source_run_id=run_id, model_type="detector"
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            _save(Path(folder) / "model", model, run_id, files)
            client.log_model_artifacts(model.model_id, f"{folder}/model")
    except (MlflowException, OSError):  # of which `requests` has its own
        client.delete_logged_model(model.model_id)
        raise
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model


def _save(target: Path, logged: Any, run_id: str, files: Path) -> None:
    """Write the model in MLflow's format."""
    import mlflow.pyfunc
    from mlflow.models import Model

    mlflow.pyfunc.save_model(
        str(target),
        loader_module=LOADER,
        data_path=str(files),
        mlflow_model=Model(
            artifact_path=logged.artifact_location,
            run_id=run_id,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
        ),
        signature=_signature(),
        input_example=_example(files),
        pip_requirements=_requirements(),  # given, for working them out needs the network
    )


def _signature() -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    from cornernet.tracking.served import COLUMNS

    types = {"int64": DataType.long, "float64": DataType.double, "object": DataType.string}
    outputs = Schema([ColSpec(types[kind], name) for name, kind in COLUMNS.items()])
    return ModelSignature(Schema([ColSpec(AnyType())]), outputs)


def _example(files: Path) -> Any:
    """An image of the data set, inside the example itself."""
    import pandas as pd

    for path in files.glob("example.*"):
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        content = base64.b64encode(path.read_bytes()).decode()
        return pd.DataFrame({"image": [f"data:{kind};base64,{content}"]})
    return None


def _requirements() -> list[str]:
    """The packages at the versions that are here; those that are not here, without one."""
    lines = []
    for name in REQUIREMENTS:
        try:
            lines.append(f"{name}=={importlib.metadata.version(name).partition('+')[0]}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(name)
    return lines
