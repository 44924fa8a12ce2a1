"""Read a profile: follow `extends`, apply `--set`, check against the schema, resolve a variant."""

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from cornernet.config.schema import Params
from cornernet.config.section import Section
from cornernet.errors import BadInput

AnySection = typing.TypeVar("AnySection", bound=Section)

# These describe a whole and are replaced, not merged, by a profile that extends another.
REPLACED_WHOLE = {"data.splits", "data.files"}


def load_params(
    profile: str, overrides: Iterable[str] = (), folder: Path = Path("params")
) -> Params:
    """The checked params of `profile`.

    `overrides` are "section.key=value" strings (value in YAML), as `--set` takes them.
    Raises BadInput with a line for every problem, naming the nearest known key.
    """
    tree = _read_profile(profile, folder, seen=())
    for text in overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise BadInput(f"--set {text}: write it as section.key=value")
        tree = with_value(tree, key.strip(), _parse_value(text, value))
    if isinstance(tree.get("variants"), Mapping):  # a null takes away one that was inherited
        kept = {name: value for name, value in tree["variants"].items() if value is not None}
        tree = {**tree, "variants": kept}
    params = check_params({"profile": profile, **tree})
    for name in params.variants:  # a variant's own values are checked before anything runs
        resolve_variant(params, name)
    return params


def resolve_variant(params: Params, variant: str) -> Params:
    """`params` with the variant's own values put in. Raises BadInput for an unknown variant.

    One that is tested with another's weights has the values of that other too: its own lie on them.
    """
    if variant not in params.variants:
        raise BadInput(
            f"variant {variant!r} is not one of profile {params.profile}: "
            f"{', '.join(params.variants)}{nearest(variant, params.variants)}"
        )
    tree = dataclasses.asdict(params)
    asked = params.variants[variant]
    inherited = params.variants[asked.weights_of].set if asked.weights_of else {}
    for key, value in (inherited | asked.set).items():
        tree = with_value(tree, key, value)
    return check_params(tree, where=f"variants.{variant}.set: ")


def check_params(tree: Mapping[str, Any], where: str = "") -> Params:
    """Build Params from a tree of plain values; raises BadInput with a line for every problem.

    Without pydantic (a bare GPU machine, fed with params that were checked elsewhere) types go
    unchecked.
    """
    unknown = list(_unknown_keys(Params, tree))
    if unknown:
        raise BadInput(f"{where}{line}" for line in unknown)
    try:
        import pydantic
    except ImportError:
        return typing.cast(Params, _build(Params, tree))
    try:
        return pydantic.TypeAdapter(Params).validate_python(tree)
    except pydantic.ValidationError as error:
        raise BadInput(f"{where}params {_problem(item)}" for item in error.errors()) from None


def _problem(item: Mapping[str, Any]) -> str:
    """One of pydantic's errors in a line: where, what, and the value; the whole has no value."""
    message = str(item["msg"]).removeprefix("Value error, ")
    if not item["loc"]:
        return message
    return f"{'.'.join(map(str, item['loc']))}: {message} (got {_short(item['input'])})"


def section_from(section: type[AnySection], tree: Mapping[str, Any]) -> AnySection:
    """A section from the plain values of one that was checked before and written to a file.

    Raises BadInput if another version of the program wrote them.
    """
    fields = {field.name for field in dataclasses.fields(section)}
    if tree.keys() != fields:
        differing = ", ".join(sorted(tree.keys() ^ fields))
        raise BadInput(f"settings of another version of cornernet: they differ in {differing}")
    return typing.cast(AnySection, _build(section, tree))


def with_value(tree: Mapping[str, Any], dotted: str, value: Any) -> dict[str, Any]:
    """A copy of `tree` in which the key `a.b.c` has `value`."""
    head, _, rest = dotted.partition(".")
    if not rest:
        return {**tree, head: value}
    inner = tree.get(head)
    return {**tree, head: with_value(inner if isinstance(inner, Mapping) else {}, rest, value)}


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the known name nearest to `name`, or an empty string."""
    match = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""


def _read_profile(profile: str, folder: Path, seen: tuple[str, ...]) -> dict[str, Any]:
    path = folder / f"{profile}.yaml"
    if profile in seen:
        raise BadInput(f"{path}: extends itself through {' -> '.join((*seen, profile))}")
    if not path.is_file():
        known = sorted(p.stem for p in folder.glob("*.yaml") if p.stem not in NOT_PROFILES)
        raise BadInput(
            f"no profile {profile!r}: {path} does not exist (profiles: {', '.join(known)})"
            + nearest(profile, known)
        )
    try:
        tree = yaml.safe_load(path.read_text()) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise BadInput(f"{path}: must hold sections, not a {type(tree).__name__}")
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    return merge(_read_profile(parent, folder, (*seen, profile)), tree)


NOT_PROFILES = {"profile", "claims", "literature"}


def merge(base: Mapping[str, Any], changes: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """A copy of `base` with `changes` laid over it, section by section; lists are replaced."""
    result = dict(base)
    for key, value in changes.items():
        name = f"{where}{key}"
        if (
            isinstance(value, dict)
            and isinstance(base.get(key), dict)
            and name not in REPLACED_WHOLE
        ):
            result[key] = merge(base[key], value, f"{name}.")
        else:
            result[key] = value
    return result


def _parse_value(text: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise BadInput(f"--set {text}: the value is not YAML") from None


def _section_of(annotation: Any) -> type | None:
    """The dataclass behind a field's type, also behind `X | None`; None for plain values."""
    for candidate in (annotation, *typing.get_args(annotation)):
        if dataclasses.is_dataclass(candidate) and typing.get_origin(annotation) is not dict:
            return typing.cast(type, candidate)
    return None


def _unknown_keys(section: type, tree: Any, where: str = "") -> Iterable[str]:
    if not isinstance(tree, Mapping):
        return
    types = typing.get_type_hints(section)
    known = [f.name for f in dataclasses.fields(section)]
    for key, value in tree.items():
        if key not in known:
            yield f"params {where}{key}: no such param{nearest(str(key), known)}"
        elif (inner := _section_of(types[key])) is not None:
            yield from _unknown_keys(inner, value, f"{where}{key}.")


def _build(annotation: Any, value: Any) -> Any:
    """`value` as the annotated type, for the few shapes that the schema uses."""
    if value is None:
        return None
    section = _section_of(annotation) if typing.get_origin(annotation) is not tuple else None
    if section is not None:
        types = typing.get_type_hints(section)
        return section(**{key: _build(types[key], item) for key, item in value.items()})
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple:
        return tuple(_build(args[0], item) for item in value)
    if origin is dict:
        return {key: _build(args[1], item) for key, item in value.items()}
    return value


def _short(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."
