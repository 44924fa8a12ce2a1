"""`cornernet.load`: a detector from the weights file alone, and what it finds in every form."""

import json
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
import torch
from library.library_case import (
    CATEGORIES,
    DESCRIPTION,
    SMOKE,
    noise,
    of_another_network,
    write_weights,
)
from safetensors.torch import load_file, save_file

import cornernet
from cornernet.detection.network import as_network
from cornernet.detection.predict import predict_images
from cornernet.errors import BadInput
from cornernet.model.network import CornerNet


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("weights") / "w.safetensors")


@pytest.fixture(scope="module")
def detector(weights):
    return cornernet.load(weights, device="cpu")


@pytest.fixture
def photo(tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), noise(0))
    return tmp_path / "photo.png"


def test_the_file_alone_says_what_the_detector_is(weights, detector):
    assert detector.description == DESCRIPTION
    again = weights.with_name("again.safetensors")
    assert all(write_weights(again).read_bytes() == weights.read_bytes() for _ in range(5))
    flipped = cornernet.load(str(weights), "cpu", overrides=["detection.flip=false"])
    assert flipped.description.detection == replace(SMOKE.detection, flip=False)


def test_a_path_an_array_and_a_list_give_the_same_typed_boxes(detector, photo):
    found = detector(photo)
    assert 10 < len(found) <= 100
    assert found.boxes.shape == (len(found), 4)
    assert (found.boxes.dtype, found.scores.dtype) == (np.float32, np.float32)
    assert (np.diff(found.scores) <= 0).all()
    assert found.scores[-1] >= 0.3
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [90, 60, 90, 60]).all()
    names = {category.id: category.name for category in CATEGORIES}
    assert [names[i] for i in found.category_ids.tolist()] == found.names.tolist()
    images = [str(photo), noise(0), noise(1, 40, 40), noise(0)]  # of two sizes of canvas
    for each, image in zip(detector(images), images, strict=True):
        np.testing.assert_array_equal(each.boxes, detector(image).boxes)
    fewer = detector(np.stack([noise(0), noise(1)]), threshold=0.5)
    assert [len(fewer), len(fewer[0])] == [2, int((found.scores >= 0.5).sum())]


def test_the_forms_that_other_libraries_take_agree(detector):
    found = detector(noise(0))
    table, rows = found.to_pandas(), found.to_coco(image_id=7)
    assert {row["image_id"] for row in rows} == {7}
    assert table["category_id"].tolist() == [row["category_id"] for row in rows]
    assert table["score"].tolist() == [row["score"] for row in rows]
    boxes = table[["x", "y", "width", "height"]].to_numpy()
    assert boxes.tolist() == [row["bbox"] for row in rows]
    corners = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    np.testing.assert_allclose(corners, found.boxes, atol=1e-4)
    nothing = detector(noise(0), threshold=1)
    assert (len(nothing), nothing.to_coco(1)) == (0, [])
    assert nothing.to_pandas().dtypes.tolist() == table.dtypes.tolist()


def test_images_in_one_batch_are_found_as_each_alone():
    torch.manual_seed(0)
    network = as_network(CornerNet(3, SMOKE.model))
    known, cpu = (SMOKE.model, [noise(0), noise(1)], SMOKE.detection), torch.device("cpu")
    model, images, detection = known
    for image, together in zip(images, predict_images(network, *known, cpu), strict=True):
        (alone,) = predict_images(network, model, [image], detection, cpu)
        np.testing.assert_allclose(np.sort(together.scores), np.sort(alone.scores), atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_taken_if_there_is_one(weights, detector):
    on_gpu, images = cornernet.load(weights), [noise(0), noise(1), noise(2, 40, 40)]
    assert on_gpu.device.type == "cuda"
    for ours, theirs in zip(on_gpu(images), detector(images), strict=True):
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-3)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_converted_with_a_word(weights, tmp_path, capsys, kind):
    tensors = {name: each.to(kind) for name, each in load_file(weights).items()}
    path = write_weights(tmp_path / "other.safetensors", tensors=tensors)
    assert len(cornernet.load(path, "cpu")(noise(0))) > 10
    assert f"{path}: converted from {str(kind)[6:]} to float32" in capsys.readouterr().err


def of_integers(path):
    whole = {name: (100 * each).to(torch.int8) for name, each in of_another_network().items()}
    return write_weights(path, tensors=whole)


def saying(text):
    return lambda path: save_file(of_another_network(), path, {"cornernet": text})


def changed(**changes):
    return saying(json.dumps(asdict(DESCRIPTION) | changes))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "no such file"),
        (lambda path: save_file(of_another_network(), path), "does not say which network it is of"),
        (saying("{"), "what it says of itself is damaged"),
        (saying("[]"), "what it says of itself is damaged"),
        (saying("{}"), "profile: Field required"),
        (changed(colour="red"), "colour: no such param"),
        (changed(categories=[]), "categories: Tuple should have at least 1 item"),
        (changed(model={**asdict(SMOKE.model), "dims": "large"}), "model.dims: "),
        (changed(mean_bgr=[0.5, 0.5, 0.5]), "normalises by others"),
        (changed(categories=[{"id": 1, "name": "a"}]), "predicts 3 categories, 1 are named"),
        (changed(model={**asdict(SMOKE.model), "stem_channels": 8}), "has another shape: stem"),
        (of_integers, "holds other than floating-point numbers: stem.0.conv.weight is int8"),
    ],
)
def test_weights_that_do_not_say_what_they_are_or_are_not_what_they_say(tmp_path, make, said):
    make(tmp_path / "w.safetensors")
    with pytest.raises(BadInput) as caught:
        cornernet.load(tmp_path / "w.safetensors")
    assert said in caught.value.problems[0]
    assert all(line.startswith(f"{tmp_path}/w.safetensors: ") for line in caught.value.problems)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("absent.jpg", "absent.jpg: no such image file"),
        (noise(0)[..., 0], "must be [height, width, 3], not [60, 90]"),
        (noise(0) / 255, "must hold whole numbers from 0 to 255, not float64"),
        ([{"path": "a"}], "a file's path or an array of numpy, not dict"),
    ],
)
def test_what_is_no_image_is_refused(detector, image, said):
    with pytest.raises(BadInput) as caught:
        detector(image)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"device": "tpu"}, "no device 'tpu' here"),
        ({"device": "cuda:99"}, "no device 'cuda:99' here"),
        ({"overrides": ["detection.flpi=false"]}, "did you mean 'flip'?"),
        ({"overrides": ["detection.batch_size=0"]}, "greater than or equal to 1 (got 0)"),
    ],
)
def test_arguments_that_cannot_be_are_refused(weights, detector, arguments, said):
    with pytest.raises(BadInput) as caught:
        cornernet.load(weights, **arguments)
    assert said in str(caught.value)
    with pytest.raises(BadInput, match="threshold 30"):
        detector(noise(0), threshold=30)
