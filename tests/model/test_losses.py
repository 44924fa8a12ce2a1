"""Equations 1, 3, 4, 5 and 8, each against a slow loop written from the equation.

The released code's normalisers, and the gradients with them, are in tests/parity.
"""

import math
from dataclasses import replace

import pytest
import torch
from model.sizes import CODE, TEXT

from cornernet.model.losses import (
    CornerTargets,
    corner_losses,
    focal_loss,
    offset_loss,
    pull_loss,
    push_loss,
)
from cornernet.model.network import CornerOutputs

OBJECTS = (3, 0, 1, 5)  # of the four images of a chunk
MASK = torch.tensor([[slot < count for slot in range(6)] for count in OBJECTS])
CLAMP = 1e-4
BOTH = pytest.mark.parametrize("params", [TEXT, CODE], ids=["text", "code"])


@pytest.fixture
def random():
    generator = torch.Generator().manual_seed(7)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)


def assert_images_mean(found, image, divisor=lambda count: max(count, 1)):
    """`found` is the mean over images of `image(i)`, divided by what their objects say."""
    terms = [image(i) / divisor(count) for i, count in enumerate(OBJECTS)]
    assert found.item() == pytest.approx(sum(terms) / len(terms), rel=1e-12)


def focal_cell(logit, y, alpha, beta):
    """One cell of equation 1, without its sign."""
    p = min(max(1 / (1 + math.exp(-logit)), CLAMP), 1 - CLAMP)
    if y == 1:
        return (1 - p) ** alpha * math.log(p)
    return (1 - y) ** beta * p**alpha * math.log(1 - p)


@pytest.fixture
def heatmaps(random):
    """Logits and targets [4, 2, 5, 6]; as many corners per image as OBJECTS, two coinciding."""
    target = random(4, 2, 5, 6).sigmoid() * 0.9
    for image, count in enumerate(OBJECTS):
        for corner in range(count):
            target[image, corner % 2, max(corner, 2), 1] = 1.0  # slots 0 and 2 share a cell
    return 4 * random(4, 2, 5, 6), target


@pytest.mark.parametrize(("alpha", "beta"), [(2, 4), (1, 3)])
def test_equation_1(heatmaps, alpha, beta):
    logits, target = heatmaps

    def image(i):
        cells = zip(logits[i].flatten().tolist(), target[i].flatten().tolist(), strict=True)
        return -sum(focal_cell(logit, y, alpha, beta) for logit, y in cells)

    params = replace(TEXT, focal_alpha=alpha, focal_beta=beta)
    assert_images_mean(focal_loss(logits, target, MASK, params), image)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sure_cells_keep_a_finite_loss_and_no_gradient(dtype):
    logits = torch.tensor([-1e4, -20.0, 20.0, 1e4], dtype=dtype).view(1, 1, 2, 2).requires_grad_()
    for target in (torch.zeros(1, 1, 2, 2, dtype=dtype), torch.ones(1, 1, 2, 2, dtype=dtype)):
        loss = focal_loss(logits, target, MASK[:1], TEXT)
        (gradient,) = torch.autograd.grad(loss, logits)
        assert math.isfinite(loss.item())
        assert torch.all(gradient == 0)


def test_equation_3(random):
    predicted, target = 2 * random(4, 6, 2), random(4, 6, 2).sigmoid()

    def image(i):
        distances = (predicted[i] - target[i])[: OBJECTS[i]].abs().flatten().tolist()
        return sum(0.5 * each**2 if each < 1 else each - 0.5 for each in distances)

    assert_images_mean(offset_loss(predicted, target, MASK, "image"), image)


def test_equation_4(random):
    tl, br = random(4, 6), random(4, 6)

    def image(i):
        total = 0.0
        for k in range(OBJECTS[i]):
            mean = (tl[i, k] + br[i, k]) / 2
            total += float((tl[i, k] - mean) ** 2 + (br[i, k] - mean) ** 2)
        return total

    assert_images_mean(pull_loss(tl, br, MASK, "image"), image)


@pytest.mark.parametrize("margin", [1.0, 0.4])
def test_equation_5(random, margin):
    tl, br = random(4, 6), random(4, 6)

    def image(i):
        means = [float(tl[i, k] + br[i, k]) / 2 for k in range(OBJECTS[i])]
        return sum(
            max(0.0, margin - abs(means[k] - means[j]))
            for k in range(len(means))
            for j in range(len(means))
            if j != k
        )

    found = push_loss(tl, br, MASK, margin, "image")
    assert_images_mean(found, image, lambda count: max(count * (count - 1), 1))


@pytest.fixture
def predictions(random):
    """Two stacks for the four images, on maps of 5 x 6 cells; and targets."""
    channels = (2, 2, 1, 1, 2, 2)
    outputs = [CornerOutputs(*(random(4, c, 5, 6) for c in channels)) for _ in range(2)]
    index = torch.arange(24).view(4, 6) * 7 % 30
    heat = random(4, 2, 5, 6).sigmoid()
    heat[:, 0, 2, 3] = 1.0
    offsets = random(4, 6, 2).sigmoid(), random(4, 6, 2).sigmoid()
    return outputs, CornerTargets(heat, heat.flip(1), index, 29 - index, *offsets, MASK)


def assert_terms(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.item() == pytest.approx(float(theirs), rel=1e-12)


def test_equation_8_is_the_weighted_sum_averaged_over_the_stacks(predictions):
    params = replace(TEXT, pull_weight=0.3, push_weight=0.7, offset_weight=2.0)
    outputs, targets = predictions
    first, second = (corner_losses([stack], targets, params) for stack in outputs)
    both = corner_losses(outputs, targets, params)
    assert_terms(both, [(one + other) / 2 for one, other in zip(first, second, strict=True)])
    weighted = both.focal_tl + both.focal_br + 0.3 * both.pull + 0.7 * both.push + 2 * both.offset
    assert both.total.item() == pytest.approx(weighted.item(), rel=1e-12)


@BOTH
def test_empty_slots_have_no_say(predictions, params):
    """Whatever slots without an object hold, and however many there are."""
    outputs, targets = predictions
    terms = corner_losses(outputs, targets, params)
    empty = ~targets.mask
    other = targets._replace(
        tl_index=targets.tl_index.masked_fill(empty, 0),
        br_index=targets.br_index.masked_fill(empty, 11),
        tl_offset=targets.tl_offset.masked_fill(empty[..., None], 99.0),
    )
    shorter = CornerTargets(*other[:2], *(each[:, :5] for each in other[2:]))
    for changed in (other, shorter):
        assert_terms(corner_losses(outputs, changed, params), terms)


def test_half_precision_is_widened_even_under_autocast(predictions):
    outputs, targets = predictions
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


def test_nan_is_seen_in_its_own_term(predictions):
    """Training names the term that is not finite; so a NaN must not be masked away."""
    outputs, targets = predictions
    outputs[1].tl_heat[0, 0, 0, 0] = float("nan")
    terms = corner_losses(outputs, targets, TEXT)
    assert math.isnan(terms.focal_tl.item())
    assert math.isfinite(terms.focal_br.item())
