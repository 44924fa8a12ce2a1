"""The forms that corner pooling has, for tests to run in each.

Triton's runs on the CPU under its interpreter, which must be chosen before triton is first
imported: `test_corner_pooling_triton.py` starts a process for it.
"""

import os

from cornernet.model import corner_pooling

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
FORMS = ("plain", *(("triton",) if INTERPRETED else ()))


def use_form(name, monkeypatch, ahead=4, columns=1024):
    """Make maps on the CPU go through one form.

    `ahead` and `columns` are sizes of Triton's: its interpreter takes its time for each program
    and step, whatever the columns are.
    """
    scans = corner_pooling.plain_maximum, corner_pooling.plain_gradient
    if name == "triton":
        from cornernet.model import corner_pooling_triton as form

        monkeypatch.setattr(form, "AHEAD", ahead)
        monkeypatch.setattr(form, "COLUMNS", columns)
        scans = form.running_maximum, form.gradient_of_records
    monkeypatch.setattr(corner_pooling, "_scans", lambda device: scans)
