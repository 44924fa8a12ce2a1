"""A trained model's files, and it in MLflow's registry: tensors and plain settings, no code.

One version per pair of weights and test settings, each with a copy of the weights (0.8 GB for the
paper's network).
"""

import base64
import importlib.metadata
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cornernet.files import write_json
from cornernet.tracking.server import is_remote

LOADER = "cornernet.detection.served"
# What a machine needs to load the model, besides this package.
REQUIREMENTS = ("torch", "numpy", "opencv-python-headless", "numba", "pandas", "safetensors")

# Tags of a version
MODEL_ID = "model_id"
DIGEST = "digest"  # of the weights and the settings


@dataclass(frozen=True)
class Registered:
    """The model as a version of `name` in the registry; `digest` tells versions apart."""

    name: str
    digest: str
    weights: Path
    settings: Mapping[str, Any]  # what `cornernet.detection.served` needs besides the weights
    picture: Path | None  # an image of the data set, to show what the model takes


@dataclass(frozen=True)
class ModelFiles:
    """One trained model and its files, which need not all be there.

    `key` is our own name of its run, known before MLflow gave it an id. `status` is None while the
    training goes on, else FINISHED, FAILED or KILLED. Times are milliseconds since 1970.
    """

    profile: str
    variant: str
    seed: int
    key: str
    params: Mapping[str, Any] = field(default_factory=dict)  # may be a tree of sections
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset: tuple[str, str, Mapping[str, Any]] | None = None  # name, digest, source
    curves: tuple[Path, ...] = ()  # history.csv, validation.csv
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: tuple[tuple[Path, str | None], ...] = ()  # each with its folder in the run
    registered: Registered | None = None
    status: str | None = None
    began: int | None = None
    ended: int | None = None


def registered_version(client: Any, folder: Path, run: Any, model: ModelFiles) -> Any:
    """The version of a model in the registry, made if this run has none of the same digest."""
    wanted, run_id = model.registered, run.info.run_id
    assert wanted is not None, "a model that is to be registered"
    for version in client.search_model_versions(f"name = '{wanted.name}'"):
        if version.run_id == run_id and version.tags.get(DIGEST) == wanted.digest:
            return version
    if not client.search_registered_models(f"name = '{wanted.name}'"):
        client.create_registered_model(wanted.name)
    logged = _logged(client, run, wanted)
    # A server takes no folder's path, and a database cannot follow an id.
    source = f"models:/{logged.model_id}" if is_remote(folder) else logged.artifact_location
    tags = {DIGEST: wanted.digest, MODEL_ID: logged.model_id}
    tags |= {"profile": model.profile, "variant": model.variant, "seed": str(model.seed)}
    return client.create_model_version(
        wanted.name, source, run_id, tags, await_creation_for=0, model_id=logged.model_id
    )


def _logged(client: Any, run: Any, wanted: Registered) -> Any:
    """A new logged model, whole; one that broke off is removed."""
    from mlflow.entities import LoggedModelOutput
    from mlflow.exceptions import MlflowException

    experiment, run_id = run.info.experiment_id, run.info.run_id
    model = client.create_logged_model(experiment, wanted.name, run_id, model_type="detector")
    try:
        with tempfile.TemporaryDirectory() as folder:
            _save(Path(folder), model, run_id, wanted)
            client.log_model_artifacts(model.model_id, f"{folder}/model")
    except (MlflowException, OSError):  # of which `requests` has its own
        client.delete_logged_model(model.model_id)
        raise
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model


def _save(folder: Path, logged: Any, run_id: str, wanted: Registered) -> None:
    """Write the model in MLflow's format into `folder`/model."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    from cornernet.detection.served import COLUMNS, SETTINGS, WEIGHTS

    (folder / "files").mkdir()
    (folder / "files" / WEIGHTS).symlink_to(wanted.weights.resolve())
    write_json(folder / "files" / SETTINGS, wanted.settings)
    example = None
    if wanted.picture is not None:  # inside the example itself
        content = base64.b64encode(wanted.picture.read_bytes()).decode()
        example = pd.DataFrame({"image": [f"data:;base64,{content}"]})
    here = {one.name: one.version.partition("+")[0] for one in importlib.metadata.distributions()}
    types = {"int64": "long", "float64": "double", "object": "string"}
    outputs: list[Any] = [ColSpec(types[kind], name) for name, kind in COLUMNS.items()]
    where, name = logged.artifact_location, logged.model_id
    mlflow.pyfunc.save_model(
        str(folder / "model"),
        loader_module=LOADER,
        data_path=str(folder / "files"),
        mlflow_model=Model(where, run_id, model_uuid=name, model_id=name),
        signature=ModelSignature(Schema([ColSpec(AnyType())]), Schema(outputs)),
        input_example=example,
        # Given, for working them out needs the network; of what is not here, without a version.
        pip_requirements=[f"{p}=={here[p]}" if p in here else p for p in REQUIREMENTS],
    )
