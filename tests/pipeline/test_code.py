"""What of a module counts as its code, and that the lists of deciding modules are whole."""

import pytest

from cornernet.pipeline.code import significant_code

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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# of what", "# of the whole"),
        ("What it is.", "What it was."),
        ("Doubles.", "Doubles a number."),
        ("must not be negative", "give a positive number"),
        ('f"{x}: must', 'f"number {x}: must'),
        ('"doubled"', '"twice"'),
        ('"large: %s"', '"too large: %s"'),
        ('say("done")', 'say("left")'),
        ("import logging\n", "import logging\n\n\n"),
    ],
)
def test_words_for_people_do_not_count(before, after):
    assert before in MODULE
    assert significant_code(MODULE.replace(before, after)) == significant_code(MODULE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0.5", "0.6"),
        ("2 * x", "3 * x"),
        ('"key"', '"other"'),
        ("x < 0", "x <= 0"),
        ("ValueError", "TypeError"),
        ("return {", "return x and {"),
    ],
)
def test_what_decides_counts(before, after):
    assert before in MODULE
    assert significant_code(MODULE.replace(before, after)) != significant_code(MODULE)
