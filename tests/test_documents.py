"""README and docs/: every command in them is one, every link leads somewhere, every figure is of a record."""

import json
import re
import shlex
from pathlib import Path

import pytest
from workflow.clone import clone_to, ok, run

from benchmarks.__main__ import BENCHMARKS
from cornernet.cli import build_parser
from docs.figures import FIGURES, MARKED, filled, shown

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:cornernet|make|snakemake|python -m benchmarks) [^`]+)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def commands(path: Path) -> list[str]:
    """The command lines of a document, those in its text too."""
    text = path.read_text(encoding="utf-8")
    blocks = "\n".join(BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    inline = [" ".join(found.split()) for found in INLINE.findall(text)]
    lines = [part for line in (*blocks, *inline) for part in line.split("&&")]
    return [line.strip() for line in lines if line.strip() and "..." not in line]


def words_of(line: str) -> list[str]:
    """The words of a command, without comment and variables before it."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    return words


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_is_one(path):
    targets = re.findall(r"^([.\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in commands(path):
        match words_of(line):
            case ["cornernet", "--help" | "--version"]:
                pass
            case ["cornernet", *rest]:
                build_parser().parse_args(rest)  # exits where an option is unknown
            case ["make", *rest]:
                assert {word for word in rest if "=" not in word} <= set(targets), line
            case ["python", "-m", "benchmarks", *rest]:
                assert not rest or rest[0] in {*BENCHMARKS, "cpu", "gpu"}, line


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(path):
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        generated = re.fullmatch(r"(\.\./)?reference/(params|commands|library)\.md", target)
        assert generated or (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_figures_are_those_of_the_records(path):
    text = path.read_text(encoding="utf-8")
    assert filled(text, FIGURES, ROOT) == text, "they changed; type: make figures"


def test_every_figure_that_is_described_is_shown():
    shown = {name for path in DOCUMENTS for name in MARKED.findall(path.read_text("utf-8"))}
    assert shown == set(FIGURES)


def test_a_figure_follows_its_record(tmp_path):
    """Until there is one, the document says so; a benchmark that was cut off is none."""
    benchmark = {
        "complete": False, "device": "cpu", "hardware": {"processor": "Some CPU", "gpus": []},
        "measurements": [{"what": "a step", "form": "ours", "median": 2.25, "unit": "s"}],
    }  # fmt: skip
    results = "variant,seed,split,mode,metric,value\nbaseline,0,val,single_scale,AP,47.94\n"
    records, missing = tmp_path / "reports", "not yet measured"

    def write(path, text):
        (records / path).parent.mkdir(parents=True, exist_ok=True)
        (records / path).write_text(text)

    def figures():
        return [shown(FIGURES[name], tmp_path) for name in ("demo_ap", "seeds_claims", "training")]

    assert figures() == [missing] * 3
    write("records/demo/results.csv", results)
    write("records/demo_seeds/claims.csv", "id,verdict\na,not run\n")
    write("benchmarks/training-some-cpu.json", json.dumps(benchmark))
    assert figures() == ["AP 47.9", "0 claims in the paper's direction", missing]
    write("benchmarks/training-some-cpu.json", json.dumps(benchmark | {"complete": True}))
    assert figures()[2] == "a step, ours: 2.25 s (Some CPU)"
    text = "<!--demo_ap-->AP 48.5<!--/-->"
    assert filled(text, FIGURES, tmp_path) == "<!--demo_ap-->AP 47.9<!--/-->"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900


@pytest.mark.slow
def test_every_snakemake_line_plans_its_jobs(tmp_path):
    folder = clone_to(tmp_path)
    for name in ("CornerNet_500000.pkl", "pretrained.safetensors"):
        (folder / name).touch()
    others = [path for path in DOCUMENTS if path.name != "cluster.md"]  # test_cluster.py has those
    lines = {line for path in others for line in commands(path) if line.startswith("snakemake")}
    assert len(lines) >= 4
    for line in sorted(lines):
        planned = ok(run(folder, "snakemake", *words_of(line)[1:], "--dry-run"))
        assert "job" in planned, line
