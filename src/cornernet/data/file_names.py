"""File names that came from outside: in annotations, in zips, in params."""

import re


def leaves_folder(file_name: str) -> bool:
    """Whether a path may point elsewhere than into the folder it is joined to, on any system."""
    parts = re.split(r"[/\\]", file_name)
    drive = parts[0][1:2] == ":"
    return not {*parts} - {"", "."} or parts[0] == "" or ".." in parts or drive or "\0" in file_name
