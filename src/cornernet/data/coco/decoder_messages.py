"""What the decoders of image files print on standard error, where no line names the file."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

# libjpeg's warnings of damage (jerror.h), which OpenCV lets it print, and libpng's errors.
DAMAGE = re.compile(
    rb"(Corrupt JPEG|Premature end of JPEG|Inconsistent prog|Invalid SOS|libpng err)"
)
# What such files have without harm, for instance a colour profile that libpng knows to be wrong.
HARMLESS = re.compile(rb"(libpng warning|Warning: unknown JFIF|Unknown Adobe color)")

# Standard error and OpenCV's log are the whole process's: one thread at a time may redirect them.
_redirecting = threading.Lock()


@contextmanager
def decoder_messages() -> Iterator[list[str]]:
    """Keep decoders from printing within the block; yields what they say of damaged files.

    The list is filled when the block ends. What others print meanwhile is printed then.
    """
    damage: list[str] = []
    with _redirecting, tempfile.TemporaryFile() as caught:
        stderr, level = os.dup(2), cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(0)
        os.dup2(caught.fileno(), 2)
        try:
            yield damage
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            cv2.utils.logging.setLogLevel(level)
            caught.seek(0)
            for line in caught:
                if DAMAGE.match(line):
                    damage.append(line.decode(errors="replace").strip())
                elif not HARMLESS.match(line):
                    os.write(2, line)
