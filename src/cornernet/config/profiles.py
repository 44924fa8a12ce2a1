"""The files of profiles: where they are, their names, and how one extends another."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from cornernet.errors import BadInput, nearest

NOT_PROFILES = {"profile", "claims", "literature"}  # other files of the folder
# Lists and mappings that describe a whole: a profile that extends another replaces them.
REPLACED_WHOLE = {"data.splits", "data.files"}
# The name becomes part of paths and of DVC's stage names, which allow no other characters.
NAME = re.compile(r"[A-Za-z0-9_-]+")


def params_folder() -> Path:
    """`params/` of the working directory, or else the one that is installed with the package."""
    here = Path("params")
    return here if here.is_dir() else Path(str(files("cornernet") / "params"))


def default_profile() -> str:
    """The profile that `profile.yaml` names. Raises BadInput if it names none."""
    path = params_folder() / "profile.yaml"
    if not path.is_file():
        raise BadInput(f"{path} is not there; write `profile: paper` into it, or say --profile")
    name = _read_yaml(path).get("profile")
    if not isinstance(name, str):
        raise BadInput(f"{path}: names no profile; write for example `profile: paper`")
    return name


def profiles(folder: Path | None = None) -> list[str]:
    """The names of all profiles of a folder, by default of `params_folder()`."""
    paths = (params_folder() if folder is None else folder).glob("*.yaml")
    return sorted(path.stem for path in paths if path.stem not in NOT_PROFILES)


def read_profile(profile: str, folder: Path, extended_by: tuple[str, ...] = ()) -> dict[str, Any]:
    """The values of `profile` as plain ones, laid over those of the profiles that it extends.

    Raises BadInput if a file is absent, is no YAML, or extends itself.
    """
    if not (isinstance(profile, str) and NAME.fullmatch(profile)):
        raise BadInput(
            f"profile {profile!r}: give the name of a file of {folder}/ alone, without folder "
            "or suffix, of letters, digits, _ and -"
        )
    path = folder / f"{profile}.yaml"
    if profile in extended_by:
        raise BadInput(f"{path}: extends itself through {' -> '.join((*extended_by, profile))}")
    if not path.is_file():
        known = profiles(folder)
        raise BadInput(
            f"no profile {profile!r}: {path} does not exist (profiles: {', '.join(known)})"
            + nearest(profile, known)
        )
    tree = _read_yaml(path)
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    return merge(read_profile(parent, folder, (*extended_by, profile)), tree)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text()) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise BadInput(f"{path}: must hold sections, not a {type(tree).__name__}")
    return tree


def merge(base: Mapping[str, Any], changes: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """A copy of `base` with `changes` laid over it, section by section; lists are replaced."""
    result = dict(base)
    for key, value in changes.items():
        name = f"{where}{key}"
        sections = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged = sections and name not in REPLACED_WHOLE
        result[key] = merge(base[key], value, f"{name}.") if merged else value
    return result
