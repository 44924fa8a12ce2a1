"""The params of a profile's file as JSON Schema, by which editors complete and check them."""

from typing import Any

import pydantic

from cornernet.config.schema import Params

FILE = "schema.json"  # in params/; the first line of each profile names it


def profile_schema() -> dict[str, Any]:
    """The schema of one file: it may leave out what the profile that it extends has."""
    schema = pydantic.TypeAdapter(Params).json_schema()
    for section in (schema, *schema["$defs"].values()):
        section.pop("required", None)
        section["additionalProperties"] = False
    properties = schema["properties"]
    del properties["profile"]  # the file's name says it
    properties["extends"] = {"type": "string", "description": "The profile that this is laid over."}
    variants = properties["variants"]  # null removes an inherited one
    variants["additionalProperties"] = {
        "anyOf": [variants["additionalProperties"], {"type": "null"}]
    }
    return {"$schema": pydantic.json_schema.GenerateJsonSchema.schema_dialect} | schema
