"""Where each artefact lives: the only file that spells an output's path.

Relative to the folder that commands run in, the root of the repository.
"""

from dataclasses import dataclass
from pathlib import Path

from cornernet.config.schema import Mode, Split
from cornernet.training.history import HISTORY

# The paper, as data.
LITERATURE = Path("params/literature.yaml")
CLAIMS_FILE = Path("params/claims.yaml")
TRAINING_NOISE = Path("reports/records/training_noise.csv")
# The profile whose recorded verdicts, from several seeds, other profiles show beside their own.
SEEDS_PROFILE = "demo_seeds"
SEEDS_RECORD = Path("reports/records") / SEEDS_PROFILE / "claims.csv"
PROFILE = Path("params/profile.yaml")  # names the profile of DVC and of commands without one
GALLERY = "gallery"  # the folder of its pictures, among the figures
BREAKDOWNS = ("by_category", "errors")
SUBMISSION = "detections_test-dev2017_cornernet_results.zip"  # https://cocodataset.org/#upload


@dataclass(frozen=True)
class Trained:
    """A trained model: one variant and one seed."""

    variant: str
    seed: int

    def __str__(self) -> str:
        return f"{self.variant}-s{self.seed}"


@dataclass(frozen=True)
class Tested:
    """One test of a trained model: a split and a mode."""

    trained: Trained
    split: Split
    mode: Mode

    def __str__(self) -> str:
        return f"{self.trained}-{self.split}-{self.mode}"


class Paths:
    """Paths of one profile's artefacts."""

    def __init__(self, profile: str) -> None:
        self.profile = profile
        self.data = data = Path("data") / profile
        self.reports = reports = Path("reports") / profile
        self.logs = data / "logs"  # what Snakemake's jobs printed
        self.benchmarks = data / "benchmarks"  # the time and memory of Snakemake's jobs
        # Digests of annotations and images that changed since they were prepared.
        self.files = data / "files.yaml"
        # Results that the user keeps although the code that made them has changed.
        self.accepted = data / "accepted.yaml"
        self.source = data / "source.json"
        self.dataset = data / "dataset.json"
        self.radii = data / "radii.parquet"
        self.results = reports / "results.csv"
        self.differences = reports / "differences.csv"
        self.measured = reports / "measured.csv"  # what each claim is about, and its noise
        self.measured_seeds = reports / "measured_seeds.csv"  # the same with some of the seeds
        self.corner_scores = reports / "corners.csv"  # mAP of corners by quadrant of the image
        self.figures = reports / "figures"
        self.claims = reports / "claims.csv"
        self.seeds = reports / "seeds.csv"  # what halves of the seeds would have said of the claims
        self.page = reports / "index.html"
        self.crate = reports / "run.crate.zip"  # the finished run, for others
        self.preview = reports / "preview.html"  # of training samples; `prepare` makes it

    def params(self, stage: str, variant: str | None = None) -> Path:
        """The resolved params that a stage depends on; rewritten only when they change."""
        name = stage if variant is None else f"{stage}-{variant}"
        return self.data / "params" / f"{name}.yaml"

    def code(self, job: str) -> Path:
        """Digests of the code that decides a job's result; rewritten only when they change."""
        return self.data / "code" / f"{job}.yaml"

    def file_digests(self, split: str) -> Path:
        """Size, times and SHA-256 of a split's files as last hashed; no stage depends on it."""
        return self.data / "file_digests" / f"{split}.csv"

    def checkpoints(self, trained: Trained) -> Path:
        return self.data / "checkpoints" / str(trained)

    def weights(self, trained: Trained) -> Path:
        return self.data / "models" / f"{trained}.safetensors"

    def state(self, trained: Trained) -> Path:
        return self.data / "models" / f"{trained}.state"

    def history(self, trained: Trained) -> Path:
        return self.data / "models" / f"{trained}.{HISTORY}"

    def model_provenance(self, trained: Trained) -> Path:
        return self.data / "models" / f"{trained}.provenance.json"

    def detections(self, tested: Tested) -> Path:
        return self.data / "detections" / f"{tested}.json"

    def corners(self, trained: Trained) -> Path:
        """The corners that a model finds on val, before they are paired."""
        return self.data / "detections" / f"{trained}-val-corners.parquet"

    def submission(self, tested: Tested) -> Path:
        """The zip for the evaluation server, which prescribes its name."""
        return self.reports / "submission" / str(tested) / SUBMISSION

    def server_scores(self, tested: Tested) -> Path:
        """The evaluation server's answer for a submission; the user drops it in beside the zip."""
        return self.submission(tested).with_name("scores.json")

    def metrics(self, tested: Tested) -> Path:
        return self.reports / "metrics" / f"{tested}.json"

    def table(self, number: int, suffix: str) -> Path:
        return self.reports / "tables" / f"table{number}.{suffix}"

    def breakdown(self, name: str, suffix: str) -> Path:
        """A table of val's scores by category, or of the kinds of mistakes (BREAKDOWNS)."""
        return self.reports / "tables" / f"{name}.{suffix}"


def provenance(path: Path) -> Path:
    """The file beside a result that says how it was made."""
    return path.with_name(f"{path.name}.provenance.json")
