"""Two small networks against the released code: test mode, training mode, gradients, Adam.

Their weights come in as a released file does, through `import_released`. In training mode batch
norm works on few numbers, and rounding flips maxima and ReLUs: the reference differs from itself in
double precision by 9e-5 (outputs) and 6e-3 (early gradients), hence the wider limits there.
"""

import copy
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from detection.detection_case import RELEASED as RELEASED_DETECTION
from model.sizes import CODE

from cornernet.config.schema import Model
from cornernet.detection.decode import decode
from cornernet.model.losses import CornerTargets, corner_losses, gather_cells
from cornernet.model.network import CornerNet
from cornernet.model.released import import_released, released_name
from cornernet.training.trainer import adam
from parity import recipe
from parity.fixtures import HEADS, Fixture, in_order, valid_rows

pytestmark = pytest.mark.usefixtures("one_thread")
FILES = {name: Fixture(name) for name in ("small_model_a", "small_model_b")}
# Released names with no ReLU or maximum between them and the loss; what lies before flips, as the
# backbone does, in the prediction modules too.
LAST_LAYERS = re.compile(r"grad/(tl|br)_(heats|tags|regrs)\.")
NUDGES = (1, 2, 3)
IN_TEST_MODE, IN_TRAINING, OF_BACKBONE, OF_HEADS, OF_ADAM = 1e-5, 2e-4, 2e-2, 1e-4, 1e-3
OF_STEM = 1e-3  # running statistics of the first layer after eight steps
MARGIN = 4  # the reference's distance from ours, in distances of nudged weights from ours


@pytest.fixture(params=FILES.values(), ids=FILES.keys())
def arrays(request):
    return request.param


@pytest.fixture
def network(arrays, tmp_path):
    """The network of a fixture file, in test mode, from a file with released names."""
    path = tmp_path / "released.pkl"
    torch.save({f"module.{name}": tensor for name, tensor in state_of(arrays).items()}, path)
    assert len(arrays["dims"]) == int(arrays["n"]) + 1
    params = Model(
        stacks=int(arrays["num_stacks"]),
        dims=tuple(arrays["dims"].tolist()),
        modules=tuple(arrays["modules"].tolist()),
        stem_channels=int(arrays["pre_channels"]),
        pool_channels=128,
        merge_kernel=1,
        corner_pooling=True,
        add_predictions=False,
        heatmap_bias=-2.19,
        batch_norm_weight="ones",
    )
    model = CornerNet(int(arrays["num_classes"]), params)
    model.load_state_dict(import_released(path, params))
    return model.eval()


def state_of(arrays):
    """Released names to tensors: stored in the file, or made by the recipe."""
    salt, state = str(arrays["salt"]), {}
    shapes = map(json.loads, arrays["state_shapes"].tolist())
    for key, shape in zip(arrays["state_keys"].tolist(), shapes, strict=True):
        stored = f"state/{key}"
        values = arrays[stored] if stored in arrays else recipe.parameter(key, shape, salt)
        assert list(values.shape) == shape
        state[key] = torch.from_numpy(np.asarray(values))
    return state


def input_of(arrays):
    shape, salt = (2, 3, *arrays["input_hw"].tolist()), str(arrays["input_salt"])
    if "input" in arrays:
        return arrays.tensor("input")
    return torch.from_numpy(recipe.uniform("input", shape, -2, 2, salt))


def targets_of(arrays):
    names = ("gt_tl_heat", "gt_br_heat", "tl_ind", "br_ind", "gt_tl_regr", "gt_br_regr")
    return CornerTargets(*map(arrays.tensor, names), mask=arrays.tensor("gt_mask").bool())


def test_test_mode_of_the_last_stack_and_of_both(arrays, network):
    with torch.no_grad():
        (last,) = network(input_of(arrays), last_only=True)
        outputs = network(input_of(arrays))
    for name, output in zip(HEADS, last, strict=True):
        check(arrays, f"eval_{name}", output, IN_TEST_MODE)
    for key, each in in_training(outputs, targets_of(arrays), "evalpath_train").items():
        check(arrays, key, each, IN_TEST_MODE)


def test_detections_of_the_reference_maps(arrays):
    corners = int(arrays["eval_detections_K"])
    params = replace(
        RELEASED_DETECTION,
        top_corners=corners,
        peak_kernel=3,
        embedding_distance=0.5,
        max_pairs=corners**2,
    )
    for image, rows in enumerate(valid_rows(decode(arrays.outputs("eval_"), params))):
        key = f"eval_detections_image{image}"  # of some weights no pair is valid
        arrays.compare(key, in_order(rows), in_order(arrays[key]), 1e-6, 1e-6)


def with_nudged_weights(run, arrays, network):
    """What `run(arrays, network)` gives, and what it gives for weights off in their last bit."""
    start = copy.deepcopy(network.state_dict())
    found = [run(arrays, network)]
    for seed in NUDGES:
        generator = torch.Generator().manual_seed(seed)
        nudged = {
            name: each * (1 + 2**-23 * torch.randint(-1, 2, each.shape, generator=generator))
            if name.endswith((".weight", ".bias"))
            else each
            for name, each in start.items()
        }
        network.load_state_dict(nudged)
        found.append(run(arrays, network))
    return found[0], found[1:]


def test_training_mode(arrays, network):
    """One forward and backward pass: outputs, loss, every gradient."""
    ours, others = with_nudged_weights(training_pass, arrays, network)
    for key, numbers in ours.items():
        limit = IN_TRAINING
        if key.startswith("grad"):
            limit = OF_HEADS if LAST_LAYERS.match(key) else OF_BACKBONE
        check(arrays, key, numbers, limit, apart(numbers, [other[key] for other in others]))


def training_pass(arrays, network):
    """What the file holds of one pass in training mode, by its keys."""
    targets = targets_of(arrays)
    network.train()
    network.zero_grad()
    outputs = network(input_of(arrays))
    loss = corner_losses(outputs, targets, CODE).total
    loss.backward()
    numbers = {"loss": loss, **in_training(outputs, targets, "train")}
    gradients = {released_name(name): each.grad for name, each in network.named_parameters()}
    without = sorted(name for name, each in gradients.items() if each is None)
    assert without == sorted(map(str, arrays["params_without_grad"].tolist()))
    names = arrays["param_names"].tolist()
    assert set(names) == set(gradients)
    numbers["grad_norms"] = torch.stack([gradients[name].double().norm() for name in names])
    numbers |= {f"grad/{name}": gradients[name] for name in arrays.names(r"grad/(.+)")}
    return {key: each.detach().clone() for key, each in numbers.items()}


def test_eight_steps_of_adam(arrays, network):
    """Losses of the steps, and the running statistics.

    Eight steps are too many for float32: weights that differ in their last bit are a percent of
    the loss apart after them. So the reference need not be closer to these losses than such
    weights bring them. The statistics are named "after one forward" and are so described, but in at
    least one set of fixtures they are those after the eight steps: both are tried.
    """
    (losses, statistics), others = with_nudged_weights(eight_steps, arrays, network)
    expected = arrays["adam_losses"]
    assert abs(losses[0] / expected[0] - 1) <= IN_TRAINING  # no step was taken yet
    spread = np.max([np.abs(other / losses - 1) for other, _ in others], axis=0)
    spread = np.maximum.accumulate(spread)  # they may meet again by chance
    limit = np.maximum(OF_ADAM, MARGIN * spread) * expected
    arrays.check("adam_losses", losses, limit)

    names = arrays.names(r"after_one_forward/(.+)")
    stem = next(name for name in names if name.endswith("pre.0.bn.running_var"))
    first = statistics[0][stem].numpy()
    one_forward = np.allclose(first, arrays[f"after_one_forward/{stem}"], rtol=1e-3)
    step = 0 if one_forward else -1
    for name in names:
        numbers = statistics[step][name]
        limit = OF_STEM if name.startswith("pre.") and not one_forward else IN_TRAINING
        distance = apart(numbers, [other[step][name] for _, other in others])
        check(arrays, f"after_one_forward/{name}", numbers, limit, distance)


def eight_steps(arrays, network):
    """As many steps of Adam as the file has losses: losses, and the statistics after each."""
    images, targets = input_of(arrays), targets_of(arrays)
    network.train()
    optimizer = adam(network, 2.5e-4)
    losses, statistics = [], []
    for _ in arrays["adam_losses"]:
        loss = corner_losses(network(images), targets, CODE).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        buffers = network.named_buffers()
        statistics.append({released_name(name): each.clone() for name, each in buffers})
    return np.array(losses), statistics


def in_training(outputs, targets, prefix):
    """All heads of all stacks by key; embeddings and offsets at the targets' cells."""
    numbers = {}
    for stack, output in enumerate(outputs):
        for at, (name, each) in enumerate(zip(HEADS, output, strict=True)):
            index = targets.br_index if at % 2 else targets.tl_index
            values = each if "heat" in name else gather_cells(each, index)
            numbers[f"{prefix}_stack{stack}_{name}"] = values
    return numbers


def apart(numbers, others):
    """How far weights that are nudged in their last bit take a result."""
    return max(float((other - numbers).abs().max()) for other in others)


def check(arrays, key, tensor, limit, distance=0.0):
    """Within `limit` of the array's largest entry (for other than gradients, of 1 at least).

    Or as close as weights nudged in their last bit are: where these flip a maximum or a ReLU, so
    may the order of the additions in a convolution.
    """
    scale = arrays.largest(key) if key.startswith("grad") else max(1, arrays.largest(key))
    arrays.check(key, tensor.detach(), max(limit * scale, MARGIN * distance))
