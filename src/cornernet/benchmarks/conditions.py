"""Under which conditions a benchmark runs."""

from dataclasses import dataclass
from pathlib import Path

from cornernet.benchmarks.timing import Window
from cornernet.config.schema import Params


@dataclass(frozen=True)
class Conditions:
    """What the command line decides; a benchmark takes everything else from its own constants."""

    params: Params  # of a profile: the paper's, unless asked otherwise
    device: str = "cpu"  # or "cuda"
    threads: int = 2  # of torch, OpenCV and numba; the caller has set them
    quick: bool = False  # tiny sizes and one round: to test that it works, never to measure
    data: Path = Path("../shared/data")  # coco_mini/, coco_val2017_boxes/, bccd/; may be absent
    weights: Path | None = None  # a trained model, where a benchmark can use one

    def window(self, rounds: int, seconds: float) -> Window:
        """How long to measure: at most `rounds` rounds or `seconds`; one round when quick."""
        return Window(1, 0.0) if self.quick else Window(rounds, seconds)
