"""The JSON Schema of profiles: as the code has it, named in each profile, and no laxer on a file."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from cornernet.config.json_schema import FILE, profile_schema

PARAMS = Path(__file__).parents[2] / "params"
SCHEMA = json.loads((PARAMS / FILE).read_text())


def test_the_file_is_what_the_command_writes():
    assert profile_schema() == SCHEMA, "run `cornernet params-schema`"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "trian: {}",
        "train: {iteration: 3}",
        "train: {iterations: 0}",
        "train: {iterations: many}",
        "targets: {window: round}",
        "data: {splits: {validation: {images: a, annotations: b}}}",
        "variants: {mine: {sets: {}}}",
    ],
)
def test_what_loading_refuses_the_schema_marks(text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), SCHEMA)
