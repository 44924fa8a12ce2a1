"""What Provenance Run Crate 0.5, and the profiles that it extends, say that a crate MUST have."""

import hashlib
import json
from urllib.parse import unquote

BASE = "https://w3id.org/ro/"
TOOLS = {"SoftwareApplication", "SoftwareSourceCode", "ComputationalWorkflow"}


def check(folder):
    """Assert every MUST that applies to an unpacked crate; returns its entities by their id."""
    tree = json.loads((folder / "ro-crate-metadata.json").read_text())
    assert tree["@context"] == [f"{BASE}crate/1.1/context", f"{BASE}terms/workflow-run/context"]
    entities = {one["@id"]: one for one in tree["@graph"]}
    assert len(entities) == len(tree["@graph"])  # each id once
    for entity in entities.values():
        missing = {id_ for id_ in references(entity) if id_ not in entities}
        assert {id_ for id_ in missing if not id_.startswith("https://")} == set(), entity["@id"]
    descriptor, root = entities["ro-crate-metadata.json"], entities["./"]
    assert descriptor["about"] == {"@id": "./"}
    assert {"@id": f"{BASE}crate/1.1"} in listed(descriptor["conformsTo"])
    for name in ("name", "description", "datePublished", "license"):
        assert root[name], name
    conforms = {one["@id"] for one in root["conformsTo"]}
    assert conforms >= {f"{BASE}wfrun/{one}/0.5" for one in ("process", "workflow", "provenance")}
    assert all(entities[id_]["@type"] == "CreativeWork" for id_ in conforms)
    check_files(folder, entities, root)
    check_workflow(entities, entities[root["mainEntity"]["@id"]], root)
    return entities


def check_files(folder, entities, root):
    """Every file is there, with its digest, and is a part of the root; no other file is there."""
    files = {id_: one for id_, one in entities.items() if "File" in listed(one["@type"])}
    assert len(files) > 50
    assert {one["@id"] for one in root["hasPart"]} == set(files)
    for id_, file in files.items():
        content = (folder / unquote(id_)).read_bytes()
        if "ComputationalWorkflow" not in file["@type"]:
            assert file["sha256"] == hashlib.sha256(content).hexdigest(), id_
            assert int(file["contentSize"]) == len(content)
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {unquote(id_) for id_ in files} | {"ro-crate-metadata.json"}


def check_workflow(entities, workflow, root):
    """The workflow, its tools and steps, and the actions that used them."""
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"} <= {*workflow["@type"]}
    assert entities[workflow["programmingLanguage"]["@id"]]["@type"] == "ComputerLanguage"
    tools = {one["@id"] for one in workflow["hasPart"]}
    assert all({*listed(entities[id_]["@type"])} & TOOLS for id_ in tools)
    steps = {id_ for id_, one in entities.items() if one["@type"] == "HowToStep"}
    assert steps == {one["@id"] for one in workflow["step"]}
    assert all(entities[id_]["workExample"]["@id"] in tools for id_ in steps)
    actions = {id_: one for id_, one in entities.items() if one["@type"] == "CreateAction"}
    assert set(actions) == {one["@id"] for one in root["mentions"]}
    used = [action["instrument"]["@id"] for action in actions.values()]
    assert used.count(workflow["@id"]) == 1
    assert set(used) == tools | {workflow["@id"]}
    position = {entities[id_]["workExample"]["@id"]: entities[id_]["position"] for id_ in steps}
    made_at = {
        file["@id"]: position[action["instrument"]["@id"]]
        for action in actions.values()
        if action["instrument"]["@id"] in tools
        for file in action["result"]
    }
    for action in actions.values():  # a step that needs what another makes comes after it
        at = position.get(action["instrument"]["@id"], len(steps))
        assert all(made_at.get(file["@id"], 0) <= at for file in action["object"])
    controls = [one for one in entities.values() if one["@type"] == "ControlAction"]
    controlled = [one["object"]["@id"] for one in controls]
    assert sorted([*controlled, "#run"]) == sorted(actions)
    for one in controls:
        step, action = entities[one["instrument"]["@id"]], actions[one["object"]["@id"]]
        assert step["workExample"] == action["instrument"]


def references(value):
    """The ids that an entity refers to."""
    for one in value.values():
        yield from (item["@id"] for item in listed(one) if isinstance(item, dict))


def listed(value):
    return value if isinstance(value, list) else [value]
