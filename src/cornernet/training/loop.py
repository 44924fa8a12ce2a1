"""The training loop, as each member runs it: from an untrained or half-trained network to files."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial

from cornernet.errors import BadInput
from cornernet.processes.agent import MembersFailed, Rules, run_members
from cornernet.processes.nodes import Nodes
from cornernet.processes.supervision import Heartbeat, StopRequest, stop_requests
from cornernet.training.checkpoint import CheckpointFolder
from cornernet.training.group import Group
from cornernet.training.job import Interrupted, TrainingFailed, TrainingJob, TrainingResult, plain
from cornernet.training.recorder import Recorder
from cornernet.training.start import Start, complete_fingerprint, find_start, newest_start
from cornernet.training.trainer import Trainer, training_settings

# Called once before the first iteration, with the iterations done and the tracker's run id that the
# checkpoint holds; returns the run id to keep in checkpoints.
OnStart = Callable[[int, str | None], str | None]
# Runs all members of a training from a start on, until they are done or asked to stop.
Members = Callable[[TrainingJob, Start, StopRequest], TrainingResult]


def alone(job: TrainingJob, start: Start, request: StopRequest) -> TrainingResult:
    """A training's only member, in this process and on the CPU."""
    return run_member(job, start, request, Group(), "cpu")


def train(
    job: TrainingJob, members: Members = alone, on_start: OnStart | None = None
) -> TrainingResult:
    """Train `job`'s model to `train.iterations` and write its weights, state and history.

    Goes on from the newest checkpoint that was made with the params and data of `job.fingerprint`,
    if there is one; a finished training whose code differs starts anew. Raises BadInput (a
    checkpoint that cannot be used, no memory, no space), NonFinite, Interrupted (after saving a
    checkpoint), TrainingFailed.
    """
    job = replace(job, fingerprint=complete_fingerprint(job))
    folder = CheckpointFolder(job.checkpoints, job.params.train.keep_checkpoints, job.report)
    with folder.locked(), stop_requests() as request:
        start, note = find_start(job, folder), folder.note()
        # One that ended before its first checkpoint, or whose results are but written again.
        same = note["fingerprint"] == plain(job.fingerprint)
        at_end = start.iteration == job.params.train.iterations
        run_id = start.run_id or (note["run_id"] if same else None)
        if on_start is not None:
            run_id = on_start(start.iteration, run_id)
        folder.write_note(run_id, job.fingerprint, same and at_end and note["finished"])
        if request.number:
            raise Interrupted(request.number, start.iteration)
        result = members(job, replace(start, run_id=run_id), request)
        folder.write_note(run_id, job.fingerprint, finished=True)
    return result


def run_member(
    job: TrainingJob, start: Start, request: StopRequest, group: Group, device: str
) -> TrainingResult:
    """One member's part of a training. All members return together, or raise the same."""
    train, what = job.params.train, (job.params, job.num_categories, job.seed)
    report = job.report if group.rank == 0 else lambda line: None
    with training_settings(train):
        start = group.from_first(lambda: newest_start(job, start))
        trainer = group.together(lambda: Trainer(*what, start.path, group, device, report))
        recorder = Recorder(trainer, job, start) if group.rank == 0 else None
        began, failure = time.monotonic(), None
        stop = group.agree(request.number)
        with closing(trainer.chunks(job.samples)) as source:
            while trainer.iteration < train.iterations and not stop:
                losses, stop = trainer.step(source, request.number, failure)
                if recorder is not None:
                    failure = recorder.record(losses)
        seconds = time.monotonic() - began
        if recorder is not None:
            failure = failure or recorder.finish()
        group.agree(failure=failure)
    if trainer.iteration < train.iterations:
        raise Interrupted(stop, trainer.iteration)
    images = (trainer.iteration - start.iteration) * sum(train.chunks)
    return TrainingResult(
        started_from=start.iteration,
        seconds=round(seconds, 2),
        images_per_second=round(images / max(seconds, 1e-9), 2),
        processes=group.size,
        run_id=start.run_id,
        code_spans=start.spans_until(trainer.iteration, job.fingerprint["code"]),
    )


def run_on(
    devices: tuple[str, ...], nodes: Nodes, job: TrainingJob, start: Start, request: StopRequest
) -> TrainingResult:
    """A member on each of this node's `devices`; the start is that of node 0.

    Members that crash, are killed or hang are started again as `train.restarts` says.
    """
    train = job.params.train
    rules = Rules(job.name, train.restarts, train.hang_minutes, job.report, job.checkpoints)
    try:
        work = partial(run_to_ending, job, start, request)
        ending = run_members(work, devices, nodes, request, rules)
    except MembersFailed as error:
        if request.number:
            raise Interrupted(request.number, start.iteration) from error
        raise TrainingFailed(str(error)) from error
    if isinstance(ending, Exception):
        raise ending
    return ending


def run_to_ending(
    job: TrainingJob,
    start: Start,
    request: StopRequest,
    rank: int,
    size: int,
    heartbeat: Heartbeat,
    device: str,
) -> TrainingResult | Exception:
    """`run_member` in a process of its own; returns endings that a new start would not mend."""
    try:
        return run_member(job, start, request, Group(rank, size, heartbeat), device)
    except (BadInput, TrainingFailed) as ending:
        return ending
