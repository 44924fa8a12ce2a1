"""Equations 1, 3, 4, 5 and 8, each against a slow loop written from the equation."""

import math
from dataclasses import replace

import pytest
import torch
from model.sizes import CODE, TEXT

from cornernet.model.losses import (
    CornerTargets,
    corner_losses,
    focal_loss,
    gather_cells,
    offset_loss,
    pull_loss,
    push_loss,
)
from cornernet.model.network import CornerOutputs

OBJECTS = (3, 0, 1, 5)  # of the four images of a chunk
EPSILON = 1e-4


@pytest.fixture
def mask():
    return torch.tensor([[slot < count for slot in range(6)] for count in OBJECTS])


@pytest.fixture
def random():
    generator = torch.Generator().manual_seed(7)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


def images_mean(terms):
    return sum(terms) / len(terms)


def focal_cell(logit, y, alpha=2, beta=4):
    """One cell of equation 1, without its sign."""
    p = min(max(1 / (1 + math.exp(-logit)), EPSILON), 1 - EPSILON)
    if y == 1:
        return (1 - p) ** alpha * math.log(p)
    return (1 - y) ** beta * p**alpha * math.log(1 - p)


def focal_image(logits, target):
    cells = zip(logits.flatten().tolist(), target.flatten().tolist(), strict=True)
    return -sum(focal_cell(logit, y) for logit, y in cells)


@pytest.fixture
def heatmaps(random):
    """Logits and targets [4, 2, 5, 6]; as many corners an image as OBJECTS, two coinciding."""
    target = random(4, 2, 5, 6).sigmoid() * 0.9
    for image, count in enumerate(OBJECTS):
        for corner in range(count):
            target[image, corner % 2, max(corner, 2), 1] = 1.0  # slots 0 and 2 share a cell
    return 4 * random(4, 2, 5, 6), target


def test_equation_1_for_each_image(heatmaps, mask):
    logits, target = heatmaps
    terms = [
        focal_image(logits[i], target[i]) / (count if count > 0 else 1)
        for i, count in enumerate(OBJECTS)
    ]
    found = focal_loss(logits, target, mask, TEXT)
    assert found.item() == pytest.approx(images_mean(terms), rel=1e-12)


def test_equation_1_for_a_chunk(heatmaps, mask):
    logits, target = heatmaps
    cells = int((target == 1).sum())
    assert 0 < cells < sum(OBJECTS)  # corners that coincide count once
    found = focal_loss(logits, target, mask, CODE)
    assert found.item() == pytest.approx(focal_image(logits, target) / cells, rel=1e-12)
    nothing = torch.zeros_like(target)
    found = focal_loss(logits, nothing, torch.zeros_like(mask), CODE)
    assert found.item() == pytest.approx(focal_image(logits, nothing), rel=1e-12)


def test_equation_1_takes_its_exponents_from_the_params(heatmaps, mask):
    logits, target = heatmaps
    cells = zip(logits.flatten().tolist(), target.flatten().tolist(), strict=True)
    expected = -sum(focal_cell(logit, y, alpha=1, beta=3) for logit, y in cells)
    params = replace(CODE, focal_alpha=1, focal_beta=3)
    corners = int((target == 1).sum())
    assert focal_loss(logits, target, mask, params).item() == pytest.approx(expected / corners)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sure_cells_keep_a_finite_loss_and_no_gradient(mask, dtype):
    logits = torch.tensor([-1e4, -20.0, 20.0, 1e4], dtype=dtype).view(1, 1, 2, 2).requires_grad_()
    for target in (torch.zeros(1, 1, 2, 2, dtype=dtype), torch.ones(1, 1, 2, 2, dtype=dtype)):
        loss = focal_loss(logits, target, mask[:1], TEXT)
        (gradient,) = torch.autograd.grad(loss, logits)
        assert math.isfinite(loss.item())
        assert torch.all(gradient == 0)


def test_gradient_of_equation_1(heatmaps, mask):
    logits, target = heatmaps
    for params in (TEXT, CODE):
        assert torch.autograd.gradcheck(
            lambda x, params=params: focal_loss(x, target, mask, params), logits.requires_grad_()
        )


def smooth_l1(difference):
    return 0.5 * difference**2 if abs(difference) < 1 else abs(difference) - 0.5


def test_equation_3(random, mask):
    predicted, target = 2 * random(4, 6, 2), random(4, 6, 2).sigmoid()

    def image(i):
        return sum(
            smooth_l1(float(predicted[i, k, axis] - target[i, k, axis]))
            for k in range(OBJECTS[i])
            for axis in range(2)
        )

    terms = [image(i) / max(count, 1) for i, count in enumerate(OBJECTS)]
    found = offset_loss(predicted, target, mask, "image")
    assert found.item() == pytest.approx(images_mean(terms), rel=1e-12)
    total = sum(image(i) for i in range(4)) / (sum(OBJECTS) + EPSILON)
    assert offset_loss(predicted, target, mask, "chunk").item() == pytest.approx(total, rel=1e-9)


def test_equation_4(random, mask):
    tl, br = random(4, 6), random(4, 6)

    def image(i):
        total = 0.0
        for k in range(OBJECTS[i]):
            mean = (tl[i, k] + br[i, k]) / 2
            total += float((tl[i, k] - mean) ** 2 + (br[i, k] - mean) ** 2)
        return total

    terms = [image(i) / max(count, 1) for i, count in enumerate(OBJECTS)]
    assert pull_loss(tl, br, mask, "image").item() == pytest.approx(images_mean(terms), rel=1e-12)
    total = sum(image(i) / (count + EPSILON) for i, count in enumerate(OBJECTS))
    assert pull_loss(tl, br, mask, "chunk").item() == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("margin", [1.0, 0.4])
def test_equation_5(random, mask, margin):
    tl, br = random(4, 6), random(4, 6)

    def image(i):
        means = [float(tl[i, k] + br[i, k]) / 2 for k in range(OBJECTS[i])]
        return sum(
            max(0.0, margin - abs(means[k] - means[j]))
            for k in range(len(means))
            for j in range(len(means))
            if j != k
        )

    terms = [image(i) / (n * (n - 1)) if n > 1 else 0.0 for i, n in enumerate(OBJECTS)]
    found = push_loss(tl, br, mask, margin, "image")
    assert found.item() == pytest.approx(images_mean(terms), rel=1e-12)
    # The released form differs by its epsilons, and by a constant for an image with one object.
    found = push_loss(tl, br, mask, margin, "chunk")
    assert found.item() == pytest.approx(sum(terms) + margin * OBJECTS.count(1), abs=2e-3)


def predictions(random, slots=6, requires_grad=False):
    """Two stacks for the four images, on maps of 5 x 6 cells; and targets."""
    channels = (2, 2, 1, 1, 2, 2)
    outputs = [
        CornerOutputs(*(random(4, c, 5, 6).requires_grad_(requires_grad) for c in channels))
        for _ in range(2)
    ]
    index = torch.arange(4 * slots).view(4, slots) * 7 % 30
    mask = torch.tensor([[slot < count for slot in range(slots)] for count in OBJECTS])
    heat = random(4, 2, 5, 6).sigmoid()
    heat[:, 0, 2, 3] = 1.0
    offsets = random(4, slots, 2).sigmoid(), random(4, slots, 2).sigmoid()
    return outputs, CornerTargets(heat, heat.flip(1), index, 29 - index, *offsets, mask)


@pytest.mark.parametrize("params", [TEXT, CODE])
def test_equation_8_is_the_weighted_sum_averaged_over_the_stacks(random, params):
    params = replace(params, pull_weight=0.3, push_weight=0.7, offset_weight=2.0)
    outputs, targets = predictions(random)
    alone = [corner_losses([stack], targets, params) for stack in outputs]
    both = corner_losses(outputs, targets, params)
    for first, second, mean in zip(*alone, both, strict=True):
        assert mean.item() == pytest.approx((first.item() + second.item()) / 2, rel=1e-12)
    weighted = both.focal_tl + both.focal_br + 0.3 * both.pull + 0.7 * both.push + 2 * both.offset
    assert both.total.item() == pytest.approx(weighted.item(), rel=1e-12)


def test_embeddings_and_offsets_are_read_at_the_corners_cells(random):
    outputs, targets = predictions(random)
    stack = outputs[0]
    for k in range(6):
        for i in range(4):
            y, x = divmod(int(targets.br_index[i, k]), 6)
            cell = gather_cells(stack.br_offset, targets.br_index)[i, k]
            assert torch.equal(cell, stack.br_offset[i, :, y, x])
    tl = gather_cells(stack.tl_embedding, targets.tl_index)[..., 0]
    br = gather_cells(stack.br_embedding, targets.br_index)[..., 0]
    pull = pull_loss(tl, br, targets.mask, "image")
    assert corner_losses([stack], targets, TEXT).pull.item() == pytest.approx(pull.item())


@pytest.mark.parametrize("params", [TEXT, CODE])
def test_empty_slots_have_no_say(random, params):
    """Whatever slots without an object hold, and however many there are."""
    outputs, targets = predictions(random)
    terms = corner_losses(outputs, targets, params)
    empty = ~targets.mask
    other = targets._replace(
        tl_index=targets.tl_index.masked_fill(empty, 0),
        br_index=targets.br_index.masked_fill(empty, 11),
        tl_offset=targets.tl_offset.masked_fill(empty[..., None], 99.0),
    )
    shorter = CornerTargets(*other[:2], *(each[:, :5] for each in other[2:]))
    for changed in (other, shorter):
        for ours, theirs in zip(corner_losses(outputs, changed, params), terms, strict=True):
            assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)


@pytest.mark.parametrize("params", [TEXT, CODE])
@pytest.mark.parametrize("image", range(4))
def test_a_chunk_of_one_image(random, params, image):
    outputs, targets = predictions(random, requires_grad=True)
    chosen = slice(image, image + 1)
    one = [CornerOutputs(*(each[chosen] for each in stack)) for stack in outputs]
    terms = corner_losses(one, CornerTargets(*(each[chosen] for each in targets)), params)
    terms.total.backward()
    assert all(math.isfinite(each.item()) and each.ndim == 0 for each in terms)
    assert outputs[0].tl_heat.grad.isfinite().all()


def test_the_text_weighs_images_alike(random):
    """With `image` normalisers a chunk's loss is the mean of its images' losses."""
    outputs, targets = predictions(random)
    alone = []
    for image in range(4):
        one = [CornerOutputs(*(each[image : image + 1] for each in stack)) for stack in outputs]
        target = CornerTargets(*(each[image : image + 1] for each in targets))
        alone.append(corner_losses(one, target, TEXT))
    for together, *single in zip(corner_losses(outputs, targets, TEXT), *alone, strict=True):
        assert together.item() == pytest.approx(images_mean(single).item(), rel=1e-12)


def test_half_precision_is_widened_even_under_autocast(random):
    outputs, targets = predictions(random)
    targets = CornerTargets(
        *(each.float() if each.is_floating_point() else each for each in targets)
    )
    half = [CornerOutputs(*(each.bfloat16() for each in stack)) for stack in outputs]
    full = [CornerOutputs(*(each.float() for each in stack)) for stack in half]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = corner_losses(half, targets, TEXT)
    for ours, theirs in zip(found, corner_losses(full, targets, TEXT), strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, theirs)


def test_nan_is_seen_in_its_own_term(random):
    """Training names the term that is not finite; so a NaN must not be masked away."""
    outputs, targets = predictions(random)
    outputs[1].tl_heat[0, 0, 0, 0] = float("nan")
    terms = corner_losses(outputs, targets, TEXT)
    assert math.isnan(terms.focal_tl.item())
    assert math.isfinite(terms.focal_br.item())
