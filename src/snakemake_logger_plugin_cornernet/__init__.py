"""What `snakemake` shows: a line when a job starts, one that moves for each that runs, what failed.

A logger plugin, which Snakemake finds by the name of this package; profiles name it as `logger`.
What else Snakemake says, with the reason for each job, is in its log in .snakemake/log.
"""

import logging
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm import tqdm

from cornernet.progress import IS_PROGRESS

SHOWN = ("prepare", "claims", "submit")  # rules whose jobs say what the person who waits wants
NOTE = re.compile(r"\bnote: ")  # what is shown of other jobs
TARGETS = ("all", "released_weights", "total")  # in Snakemake's count of jobs by rule: no jobs
LINES_OF_FAILURE = 20  # of a failed job's log, where an error is at the end
SECONDS_BETWEEN_LOOKS = 1.0  # at the logs of running jobs
SECONDS_BETWEEN_LINES = 60.0  # of a running job, where no line can move
QUIET = (LogEvent.PROGRESS, LogEvent.RESOURCES_INFO, LogEvent.SHELLCMD, LogEvent.JOB_STARTED)
# What Snakemake says of itself. If another version has other words, they are shown.
NOISE = re.compile(
    r"(Using workflow specific profile|Config file|Assuming unrestricted|Building DAG|Using shell"
    r"|Provided (cores|resources)|Rules claiming|Conda env|Singularity cont|Select jobs|Execute \d+"
    r"|Complete log|Elapsed time|Shutting down|Exiting because|Removing output|\[.*\]$|$"
    r"|RuleException:\s+CalledProcessError|WorkflowError:\s+At least one job)"
)


class _Running:
    """A job that runs: its line on a terminal, how far its log was read, and when it was shown."""

    def __init__(self, rule: str, name: str, log: Path) -> None:
        self.rule, self.name, self.log, self.read, self.shown = rule, name, log, 0, time.monotonic()
        self.progress, form = "", "  {elapsed} {desc}"
        self.line = tqdm(bar_format=form, desc=name, leave=False, disable=None, dynamic_ncols=True)

    def new_lines(self) -> list[str]:
        """The whole lines that its log has got since the last call."""
        if not self.log.is_file():
            return []
        with self.log.open("rb") as file:
            file.seek(self.read)
            whole, end, _ = file.read().rpartition(b"\n")
        self.read += len(whole + end)
        return whole.decode(errors="replace").splitlines()


class LogHandler(LogHandlerBase):
    """Shows Snakemake's records on the terminal, or in what stands for it."""

    writes_to_stream, writes_to_file, has_filter, has_formatter = True, False, False, False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._jobs: dict[int, _Running] = {}
        self._started: set[int] = set()
        self._total = 0
        threading.Thread(target=self._follow, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record, if it is for the person who waits; `handle` holds the lock."""
        event, fields = getattr(record, "event", None), record.__dict__
        if event == LogEvent.JOB_INFO and not self.common_settings.verbose:
            self._start(fields)
        elif self.common_settings.dryrun or self.common_settings.verbose:
            self._say(self.format(record))
        elif event == LogEvent.RUN_INFO:
            self._total = sum(n for rule, n in fields["stats"].items() if rule not in TARGETS)
        elif event == LogEvent.JOB_FINISHED:
            self._end(fields["job_id"])
        elif event == LogEvent.JOB_ERROR:
            self._fail(record)
        elif event not in QUIET and not NOISE.match(record.getMessage()):
            self._say(self.format(record))

    def _say(self, text: str) -> None:
        tqdm.write(text, file=sys.stdout if self.common_settings.dryrun else sys.stderr)

    def _start(self, job: dict[str, Any]) -> None:
        if self.common_settings.dryrun:
            self._say(job["rule_msg"])
        elif job["log"]:
            self._started.add(job["jobid"])
            number = f"[{len(self._started)}/{self._total}]"
            self._say(f"{time.strftime('%H:%M:%S')} {number} {job['rule_msg']}")
            name, log = job["rule_msg"].partition(":")[0], Path(job["log"][0])
            self._jobs[job["jobid"]] = _Running(job["rule_name"], name, log)

    def _end(self, number: int) -> None:
        if job := self._jobs.pop(number, None):
            self._look(job)
            job.line.close()

    def _fail(self, record: logging.LogRecord) -> None:
        job = self._jobs.get(record.__dict__["jobid"])
        self._end(record.__dict__["jobid"])
        if job is None or not job.log.is_file():
            self._say(self.format(record))
            return
        lines = job.log.read_text(errors="replace").splitlines()
        last = [line for line in lines if not IS_PROGRESS.search(line)][-LINES_OF_FAILURE:]
        self._say(f"{job.name}: failed; its log, {job.log}, ends with")
        for line in last or ["(nothing: it was killed, or the memory was full)"]:
            self._say(f"    {line}")

    def _follow(self) -> None:
        while True:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            self.acquire()
            for job in self._jobs.values():
                self._look(job)
            self.release()

    def _look(self, job: _Running) -> None:
        """Show what a job has said since the last look, and how far it is."""
        for line in job.new_lines():
            if IS_PROGRESS.search(line):
                job.progress = f"{job.name}: {line.partition(': ')[2]}"
            elif job.rule in SHOWN or NOTE.search(line):
                self._say(f"  {line}")
        job.line.set_description_str(job.progress or job.name)
        waited = time.monotonic() - job.shown
        if job.progress and job.line.disable and waited > SECONDS_BETWEEN_LINES:
            job.shown = time.monotonic()
            self._say(f"{time.strftime('%H:%M:%S')} {job.progress}")
