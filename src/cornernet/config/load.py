"""The params of a profile: `--set` applied, checked against the schema, a variant resolved."""

import dataclasses
import reprlib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any

import yaml

from cornernet.config.profiles import params_folder, read_profile
from cornernet.config.schema import Params
from cornernet.errors import BadInput, nearest

AnySection = typing.TypeVar("AnySection")


def load_params(profile: str, overrides: Iterable[str] = (), folder: Path | None = None) -> Params:
    """The checked params of `profile`, a file of `folder` (default: `params_folder()`).

    `overrides` are "section.key=value" strings (value in YAML), as `--set` takes them.
    Raises BadInput with one line per problem, naming the nearest known key.
    """
    tree = read_profile(profile, params_folder() if folder is None else folder)
    tree = overridden(tree, overrides)
    if isinstance(tree.get("variants"), Mapping):  # `name: null` removes an inherited variant
        kept = {name: value for name, value in tree["variants"].items() if value is not None}
        tree = {**tree, "variants": kept}
    if "profile" in tree:
        raise BadInput("params profile: is no param; choose a profile with --profile")
    params = checked(Params, {"profile": profile, **tree})
    for name in params.variants:  # a variant's own values are checked before anything runs
        resolve_variant(params, name)
    return params


def overridden(tree: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """A copy of `tree` with "section.key=value" strings (value in YAML) put in."""
    result = dict(tree)
    for text in overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise BadInput(f"--set {text}: write it as section.key=value")
        try:
            result = with_value(result, key.strip(), yaml.safe_load(value))
        except yaml.YAMLError:
            raise BadInput(f"--set {text}: the value is not YAML") from None
    return result


def resolve_variant(params: Params, variant: str) -> Params:
    """`params` with the variant's own values put in. Raises BadInput for an unknown variant.

    A variant that is tested with another's weights starts from the values of that other variant.
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
    return checked(Params, tree, where=f"variants.{variant}.set: ")


def checked(section: type[AnySection], tree: Mapping[str, Any], where: str = "") -> AnySection:
    """Build a section, or Params, from plain values; raises BadInput with one line per problem.

    Without pydantic (a GPU machine that lacks it, with params that were checked elsewhere) types
    and bounds go unchecked.
    """
    unknown = list(_unknown_keys(section, tree))
    if unknown:
        raise BadInput(f"{where}{line}" for line in unknown)
    try:
        import pydantic
    except ImportError:
        return typing.cast(AnySection, _build(section, tree))
    try:
        return pydantic.TypeAdapter(section).validate_python(tree)
    except pydantic.ValidationError as error:
        raise BadInput(f"{where}params {_problem(item)}" for item in error.errors()) from None


def _problem(item: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a line: the key, what is wrong, and the value, if it is one.

    An error of the whole profile (no key) is a message of the schema's own, which names the key.
    """
    message = str(item["msg"]).removeprefix("Value error, ")
    if not item["loc"]:
        return message
    got = "" if isinstance(item["input"], Mapping) else f" (got {reprlib.repr(item['input'])})"
    return f"{'.'.join(map(str, item['loc']))}: {message}{got}"


def section_from(section: type[AnySection], tree: Mapping[str, Any]) -> AnySection:
    """A section from the plain values in a file of resolved params, which were checked before.

    Raises BadInput if another version of the program wrote them.
    """
    fields = typing.get_type_hints(section).keys()
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


def _inside(annotation: Any, value: Any) -> list[tuple[Any, Any, Any]]:
    """(key, type, value) of each entry of a section, dict or tuple; nothing for other values.

    The type is None for a key that the section does not have.
    """
    arguments = typing.get_args(annotation)
    if isinstance(value, Mapping) and dataclasses.is_dataclass(annotation):
        types = typing.get_type_hints(annotation)
        return [(key, types.get(key), item) for key, item in value.items()]
    if isinstance(value, Mapping) and typing.get_origin(annotation) is dict:
        return [(key, arguments[1], item) for key, item in value.items()]
    if isinstance(value, list | tuple) and typing.get_origin(annotation) is tuple:
        return [(at, arguments[0], item) for at, item in enumerate(value)]
    return []


def _unknown_keys(annotation: Any, value: Any, where: str = "") -> Iterable[str]:
    annotation = _unless_none(annotation)
    for key, kind, item in _inside(annotation, value):
        if kind is None:
            known = [field.name for field in dataclasses.fields(annotation)]
            yield f"params {where}{key}: no such param{nearest(str(key), known)}"
        else:
            yield from _unknown_keys(kind, item, f"{where}{key}.")


def _build(annotation: Any, value: Any) -> Any:
    """Convert a plain value to its annotated type: a section, a dict, a tuple, or as it is."""
    annotation = _unless_none(annotation)
    built = {key: _build(kind, item) for key, kind, item in _inside(annotation, value)}
    if typing.get_origin(annotation) is tuple:
        return tuple(built.values())
    if isinstance(value, Mapping) and dataclasses.is_dataclass(annotation):
        return typing.cast(type, annotation)(**built)
    return built or value  # a dict's items, or a plain value


def _unless_none(annotation: Any) -> Any:
    """X for `X | None`; any other type unchanged."""
    return typing.get_args(annotation)[0] if isinstance(annotation, UnionType) else annotation
