"""Prints, at the end of a run, how many reference arrays were compared and how close they came."""

import numpy as np

from parity.fixtures import COMPARED, USED, folder


def pytest_terminal_summary(terminalreporter):
    if not COMPARED:
        return
    terminalreporter.section("parity with the released code")
    head = f"{'file':<16}{'arrays':>8}{'compared':>10}{'inputs':>8}{'unused':>8}{'largest difference':>20}"
    terminalreporter.line(head)
    for name, keys in sorted(COMPARED.items()):
        with np.load(folder() / f"{name}.npz", allow_pickle=False) as arrays:
            files = set(arrays.files)
        inputs = USED[name] - set(keys)
        unused = files - inputs - set(keys)
        terminalreporter.line(
            f"{name:<16}{len(files):>8}{len(keys):>10}{len(inputs):>8}{len(unused):>8}"
            f"{max(keys.values()):>20.3g}"
        )
