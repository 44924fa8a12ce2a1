"""Made chunks of training samples: what a step needs, without a data set."""

import dataclasses

import torch

from cornernet.config.schema import Params
from cornernet.data.sampling.chunks import Chunk

OBJECTS = 7  # boxes on an image of train2017, on average
CATEGORIES = 80  # COCO's
QUICK_CATEGORIES = 3


def quick_params(params: Params) -> Params:
    """The same params with a tiny network and tiny chunks, for seconds on a CPU."""
    model = dataclasses.replace(
        params.model, dims=(16, 16), modules=(1, 1), stem_channels=16, pool_channels=16
    )
    train = dataclasses.replace(params.train, chunks=(1, 2), workers=0, threads=1)
    return dataclasses.replace(
        params,
        model=model,
        train=train,
        augmentation=dataclasses.replace(params.augmentation, input_size=63, crop_border=16),
        targets=dataclasses.replace(params.targets, max_objects=8),
    )


def made_chunk(images: int, categories: int, params: Params, seed: int = 0) -> Chunk:
    """`images` noise images of the params' size with a few boxes each, on the CPU."""
    size = params.augmentation.input_size
    side, slots = (size + 1) // 4, min(OBJECTS, params.targets.max_objects)
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(0, side // 2, (images, slots, 2), generator=generator)
    extent = torch.randint(1, side // 2, (images, slots, 2), generator=generator)
    offsets = torch.rand(2, images, slots, 2, generator=generator)
    return Chunk(
        image=torch.randn(images, 3, size, size, generator=generator),
        category=torch.randint(0, categories, (images, slots), generator=generator),
        tl_cell=corner,
        br_cell=corner + extent,
        tl_offset=offsets[0],
        br_offset=offsets[1],
        radius=extent.amin(dim=2) / 4.0,
        mask=torch.ones(images, slots, dtype=torch.bool),
    )


def made_chunks(categories: int, params: Params) -> dict[int, Chunk]:
    """All chunks of one step, by number."""
    return {
        number: made_chunk(images, categories, params, seed=number)
        for number, images in enumerate(params.train.chunks)
    }
