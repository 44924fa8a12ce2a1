"""Which call of a workflow engine a run belongs to."""

import os
import subprocess
import sys
from pathlib import Path

from cornernet.pipeline.provenance import invocation

REPOSITORY = Path(__file__).parents[2]


def test_dvc_names_its_call_by_its_process(tmp_path, monkeypatch):
    """A program called dvc runs a shell, which runs two commands: one invocation."""
    monkeypatch.delenv("CORNERNET_INVOCATION", raising=False)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert invocation() is None
    dvc = tmp_path / "dvc"
    dvc.write_text(
        "import subprocess, sys\n"
        "for _ in range(2):\n"
        "    subprocess.run('exec 3>&1; ' + sys.argv[1], shell=True, check=True)\n"
    )
    show = "from cornernet.pipeline.provenance import invocation; print(invocation())"
    command = f"{sys.executable} -c '{show}'; true"
    environment = {**os.environ, "DVC_STAGE": "train", "PYTHONPATH": str(REPOSITORY / "src")}
    calls = [
        subprocess.check_output([sys.executable, dvc, command], env=environment, text=True)
        for _ in range(2)
    ]
    (first, again), (other, _) = (call.splitlines() for call in calls)
    assert first == again != other
    assert " dvc " in first
