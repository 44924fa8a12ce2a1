"""What is asked for: the params of a profile, checked once and then passed as plain dataclasses."""

from cornernet.config.load import load_params, resolve_variant
from cornernet.config.schema import Params

__all__ = ["Params", "load_params", "resolve_variant"]
