"""Triton's corner pooling without a GPU: its kernel, interpreted, through the tests of each form."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="triton is not installed (it comes with torch for CUDA; requirements.lock has it)",
)
@pytest.mark.parametrize(
    ("file", "least"),
    [
        ("tests/model/test_corner_pooling.py", 8),
        pytest.param("tests/parity/test_corner_pool.py", 4, marks=pytest.mark.long),
    ],
)
@pytest.mark.slow
def test_the_interpreted_kernel_passes_the_tests_of_each_form(file, least):
    """In a process of its own: triton must know before its first import."""
    command = [sys.executable, "-m", "pytest", file, "-k", "triton", "-v", "-p", "no:cacheprovider"]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed.group(1)) >= least


# What a launch decides: which pointers and sizes are multiples of 16, and that columns are
# neighbours in memory. `record` is bytes.
MAPS = ("values", "result")
COMPILE = """
import sys
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from cornernet.model import corner_pooling_triton as form

kind, maps = sys.argv[1], sys.argv[2].split(",")
for maximum in (True, False):
    given = {"maximum": maximum, "from_end": True, "stride_m": 1}
    given |= {"compute": tl.float64 if kind == "fp64" else tl.float32}
    given |= {"ahead": form.AHEAD, "columns": form.COLUMNS}
    types = {}
    for parameter in form._scan.params:
        name = parameter.name
        pointer = f"*{kind}" if name in maps else "*u8" if name == "record" else "i32"
        types[name] = "constexpr" if name in given else pointer
    sixteens = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(types)
        if types[name] != "constexpr"
    }
    source = ASTSource(fn=form._scan, signature=types, constexprs=given, attrs=sixteens)
    options = {"num_warps": form.WARPS}
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    print(len(made.asm["cubin"]))
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
@pytest.mark.parametrize("kind", ["bf16", "fp32"])
def test_the_kernel_compiles_for_an_h100(kind, tmp_path):
    """To machine code: Triton brings the assembler along, and needs no GPU for it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path), "TRITON_INTERPRET": "0"}
    program = tmp_path / "compile.py"  # Triton reads the source of what it compiles
    program.write_text(COMPILE)
    command = [sys.executable, str(program), kind, ",".join(MAPS)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    forward, backward = map(int, done.stdout.split())
    assert min(forward, backward) > 1000
