"""Where each artefact lives: the only file that spells an output's path.

Relative to the folder that commands run in, the root of the repository.
"""

from dataclasses import dataclass
from pathlib import Path

from cornernet.config.schema import Mode, Split

# The paper, as data.
LITERATURE = Path("params/literature.yaml")
CLAIMS_FILE = Path("params/claims.yaml")
TRAINING_NOISE = Path("reports/records/training_noise.csv")
PROFILE = Path("params/profile.yaml")  # names the profile of DVC and of commands without one
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


@dataclass(frozen=True)
class Paths:
    """Paths of one profile's artefacts."""

    profile: str

    @property
    def data(self) -> Path:
        return Path("data") / self.profile

    @property
    def reports(self) -> Path:
        return Path("reports") / self.profile

    @property
    def logs(self) -> Path:
        """What Snakemake's jobs printed."""
        return self.data / "logs"

    @property
    def benchmarks(self) -> Path:
        """The time and memory of Snakemake's jobs."""
        return self.data / "benchmarks"

    def params(self, stage: str, variant: str | None = None) -> Path:
        """The resolved params that a stage depends on; rewritten only when they change."""
        name = stage if variant is None else f"{stage}-{variant}"
        return self.data / "params" / f"{name}.yaml"

    def code(self, job: str) -> Path:
        """Digests of the code that decides a job's result; rewritten only when they change."""
        return self.data / "code" / f"{job}.yaml"

    @property
    def files(self) -> Path:
        """Digests of annotations and images that changed since they were prepared."""
        return self.data / "files.yaml"

    @property
    def accepted(self) -> Path:
        """Results that the user keeps although the code that made them has changed."""
        return self.data / "accepted.yaml"

    @property
    def source(self) -> Path:
        return self.data / "source.json"

    @property
    def dataset(self) -> Path:
        return self.data / "dataset.json"

    def file_digests(self, split: str) -> Path:
        """Size, times and SHA-256 of a split's files as last hashed; no stage depends on it."""
        return self.data / "file_digests" / f"{split}.csv"

    @property
    def radii(self) -> Path:
        return self.data / "radii.parquet"

    def checkpoints(self, trained: Trained) -> Path:
        return self.data / "checkpoints" / str(trained)

    def weights(self, trained: Trained) -> Path:
        return self.data / "models" / f"{trained}.safetensors"

    def state(self, trained: Trained) -> Path:
        return self.data / "models" / f"{trained}.state"

    def history(self, trained: Trained) -> Path:
        return self.data / "models" / f"{trained}.history.csv"

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

    @property
    def results(self) -> Path:
        return self.reports / "results.csv"

    @property
    def differences(self) -> Path:
        return self.reports / "differences.csv"

    @property
    def measured(self) -> Path:
        """What each claim is about, in this run's numbers, with its noise."""
        return self.reports / "measured.csv"

    @property
    def corner_scores(self) -> Path:
        """mAP of corners by quadrant of the image."""
        return self.reports / "corners.csv"

    def table(self, number: int, suffix: str) -> Path:
        return self.reports / "tables" / f"table{number}.{suffix}"

    @property
    def figures(self) -> Path:
        return self.reports / "figures"

    @property
    def claims(self) -> Path:
        return self.reports / "claims.csv"

    @property
    def page(self) -> Path:
        return self.reports / "index.html"


def provenance(path: Path) -> Path:
    """The file beside a result that says how it was made."""
    return path.with_name(f"{path.name}.provenance.json")
