"""What of a module counts as its code, and that the lists of deciding modules are whole."""

import ast

import pytest

from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.staleness.code import significant_code, source_file
from cornernet.pipeline.staleness.deciding import EXEMPT, EXEMPT_IN, exempt

MODULE = '''
"""What it is."""
import logging
LIMIT = 0.5  # of what
def f(x):
    """Doubles."""
    if x < 0:
        raise ValueError(f"{x}: must not be negative")
    print("doubled", x, file=None)
    logging.getLogger("a").warning("large: %s", x)
    say("done")
    return {"key": 2 * x}
'''


WORDS = [
    ("# of what", "# of the whole"),
    ("What it is.", "What it was."),
    ("Doubles.", "Doubles a number."),
    ("must not be negative", "give a positive number"),
    ('f"{x}: must', 'f"number {x}: must'),
    ('"doubled"', '"twice"'),
    ('"large: %s"', '"too large: %s"'),
    ('say("done")', 'say("left")'),
    ("import logging\n", "import logging\n\n\n"),
]
DECIDING = [
    ("0.5", "0.6"),
    ("2 * x", "3 * x"),
    ('"key"', '"other"'),
    ("x < 0", "x <= 0"),
    ("ValueError", "TypeError"),
    ("return {", "return x and {"),
]


@pytest.mark.parametrize(("before", "after"), WORDS + DECIDING)
def test_what_decides_counts_and_words_for_people_do_not(before, after):
    assert before in MODULE
    same = significant_code(MODULE.replace(before, after)) == significant_code(MODULE)
    assert same == ((before, after) in WORDS)


def imported(name):
    """Modules of the package that a module imports, at its top or within functions."""
    tree = ast.parse(source_file(name).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("cornernet"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cornernet"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if source_file(inner).is_file() else node.module


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
def test_what_a_deciding_module_imports_decides_too_or_is_exempt(stage):
    modules = [name for name in stage.deciding if "/" not in name]
    undecided = {
        f"{name} imports {other}"
        for name in modules
        for other in imported(name)
        if other not in modules and exempt(stage.name, other) is None
    }
    assert sorted(undecided) == []


def test_what_is_listed_is_there_once_and_no_reason_is_left_over():
    assert len(STAGES["train"].deciding) <= 25
    for stage in STAGES.values():
        assert len(set(stage.deciding)) == len(stage.deciding), stage.name
        assert all(source_file(name).is_file() for name in stage.deciding), stage.name
    for name in [*EXEMPT, *(name for names in EXEMPT_IN.values() for name in names)]:
        assert source_file(name).is_file(), f"{name} is exempt and not there"
