"""The progress line."""

import io
import time

import pytest

from cornernet.training.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_gets_few_plain_lines():
    stream = io.StringIO()
    progress = Progress("baseline-s0", 500, 16, stream)
    progress.begin(100)
    for iteration in range(101, 501):
        progress.show(iteration, 1.5)
    (line,) = stream.getvalue().splitlines()  # 400 fast iterations: the last alone
    assert line.startswith("baseline-s0  iteration 500/500  loss 1.500  ")
    assert "images/s" in line
    assert line.endswith("0 s left")


def test_time_left_and_rate_count_this_call_alone(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    stream = io.StringIO()
    progress = Progress("m", 1000, 16, stream)
    progress.begin(900)
    clock[0] = 20.0
    progress.show(910, 2.0)
    assert stream.getvalue() == "m  iteration 910/1000  loss 2.000  8.0 images/s  3 min 00 s left\n"


def test_a_terminal_has_one_line_redrawn():
    stream = Terminal()
    progress = Progress("m", 10, 1, stream, interval=0)
    for iteration in (1, 2):
        progress.show(iteration, 0.0)
    progress.say("done")
    text = stream.getvalue()
    assert text.count("\r") == 2
    assert text.count("\n") == 2  # the redrawn line's end, and the message's
    assert text.endswith("\nm: done\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.2, "3 s"),
        (59.9, "1 min 00 s"),
        (725, "12 min 05 s"),
        (12000, "3 h 20 min"),
        (4e5, "4 d 15 h"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
