"""Text from the package's templates (Jinja): the page, the tables, pictures of detections."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(name: str, content: Mapping[str, Any], filters: Mapping[str, Any]) -> str:
    """The template of that name in reporting/templates, filled; HTML and SVG escape it."""
    environment = Environment(
        loader=PackageLoader("cornernet.reporting", "templates"),
        autoescape=name.endswith((".html.j2", ".svg.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters
    return environment.get_template(name).render(content)
