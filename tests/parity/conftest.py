"""Prints, at the end of a run, how many reference arrays were compared and how close they came."""

import numpy as np
from parity.fixtures import COMPARED, folder


def pytest_terminal_summary(terminalreporter):
    if not COMPARED:
        return
    terminalreporter.section("parity with the released code")
    terminalreporter.line(f"{'file':<16}{'arrays':>8}{'compared':>10}{'largest difference':>22}")
    for name, keys in sorted(COMPARED.items()):
        with np.load(folder() / f"{name}.npz", allow_pickle=False) as arrays:
            total = len(arrays.files)
        terminalreporter.line(f"{name:<16}{total:>8}{len(keys):>10}{max(keys.values()):>22.3g}")
