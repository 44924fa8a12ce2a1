"""Images and videos on disk: which files of a folder they are, and a video's frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cornernet.data.coco.images import IMAGE_SUFFIXES
from cornernet.errors import BadInput

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


@dataclass(frozen=True)
class Medium:
    """A file that is an image or a video, and its path below the folder that was named."""

    path: Path
    place: Path

    @property
    def is_video(self) -> bool:
        """Told by the suffix, as for files of a folder."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


def media_of(named: Sequence[Path], results: Path) -> Iterator[Medium]:
    """The files named; of the folders named all images and videos, those of sub-folders too.

    Hidden files are passed over, and so is a sub-folder `results`, where those of an earlier run
    may lie. Raises BadInput for a folder without any.
    """
    results, suffixes = results.absolute(), (*IMAGE_SUFFIXES, *VIDEO_SUFFIXES)
    for path in named:
        if not path.is_dir():
            yield Medium(path, Path(path.name))
            continue
        folder, some = path.absolute(), False
        for inside in sorted(path.rglob("*")):
            place = inside.relative_to(path)
            hidden = any(part.startswith(".") for part in place.parts)
            made = folder in results.parents and results in (folder / place).parents
            if inside.suffix.lower() in suffixes and not (hidden or made) and inside.is_file():
                yield Medium(inside, place)
                some = True
        if not some:
            raise BadInput(f"{path}: no image or video in this folder ({', '.join(suffixes)})")


def frames_of(path: Path) -> tuple[int, Iterator[NDArray[np.uint8]]]:
    """The number of frames that a video's header promises, 0 if none, and them: [H, W, 3], BGR.

    Raises BadInput for a file that is no video.
    """
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG) if path.is_file() else None
    if capture is None or not capture.isOpened():
        what = "no such file" if capture is None else "damaged, or not a video"
        raise BadInput(f"{path}: {what}; check the name, or convert it to MP4 with H.264")

    def frames() -> Iterator[NDArray[np.uint8]]:
        there, frame = capture.read()
        while there:
            yield frame.astype(np.uint8, copy=False)
            there, frame = capture.read()

    return max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))), frames()
