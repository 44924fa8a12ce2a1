"""How many GPUs of a training work at the same time: the chunks of a step are dealt to them.

n GPUs take ceil(chunks / n) rounds per step, and no chunk is divided: the paper's ten keep 1, 2, 3,
4, 5 or 10 GPUs busy, and six to nine are no faster than five.
"""

from collections.abc import Sequence


def rounds(chunks: int, gpus: int) -> int:
    """Chunks that the busiest of `gpus` GPUs computes, one after the other, in a step."""
    return -(-chunks // gpus)


def useful_gpus(chunks: int, gpus: int) -> int:
    """The fewest GPUs that are as fast as `gpus`."""
    return rounds(chunks, rounds(chunks, gpus))


def images_in_turn(chunks: Sequence[int], gpus: int) -> int:
    """Images, at most, that the busiest GPU computes in a step."""
    return min(sum(chunks), rounds(len(chunks), gpus) * max(chunks))


def even_chunks(images: int, gpus: int) -> tuple[int, ...]:
    """As many images per step in one chunk per GPU, as even as can be."""
    each, more = divmod(images, gpus)
    return tuple(each + (gpu < more) for gpu in range(gpus))


def describe_rounds(chunks: int, gpus: int) -> str:
    """How the GPUs share a step; where some would wait, what to type to leave them to others."""
    useful = useful_gpus(chunks, gpus)
    taken, dealt = _count(rounds(chunks, gpus), "round"), _count(chunks, "chunk")
    line = f"{_count(gpus, 'GPU')}: {taken} for the {dealt} of a step"
    if useful == gpus:
        return line
    return (
        f"{line}, as on {_count(useful, 'GPU')}; `--set train.devices={useful}` (Snakemake: "
        f"`--config set=train.devices={useful}`) leaves {gpus - useful} free for other jobs"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
