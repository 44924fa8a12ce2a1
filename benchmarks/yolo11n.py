"""YOLO11n from scratch on a folder in COCO's format, as many minutes as it is given.

Run by the interpreter of an environment of its own, which has ultralytics and nothing of ours:

    PYTHON benchmarks/yolo11n.py FOLDER MINUTES INPUT_SIZE DETECTIONS.json

FOLDER is laid out as params/custom.yaml expects it. The detections on val are written as COCO's
results.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

THREADS = 2
MODEL = "yolo11n.yaml"  # 2.6 million parameters, drawn anew


def main(folder: Path, minutes: float, input_size: int, detections: Path) -> None:
    """Train on train, test on val."""
    import torch
    import ultralytics

    def all_cores(trainer: Any) -> None:
        torch.set_num_threads(THREADS)  # it takes one less than there are

    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        splits = {split: convert(folder, split, work) for split in ("train", "val")}
        names = [category["name"] for category in splits["val"]["categories"]]
        description = {"path": str(work), "train": "images/train", "val": "images/val"}
        (work / "data.yaml").write_text(json.dumps(description | {"names": names}))  # JSON is YAML
        network = ultralytics.YOLO(MODEL)
        network.add_callback("on_train_start", all_cores)
        network.train(
            data=str(work / "data.yaml"), time=minutes / 60, imgsz=input_size, device="cpu",
            pretrained=False, val=False, plots=False, workers=0, project=str(work), name="run",
        )  # fmt: skip
        trained = ultralytics.YOLO(str(work / "run/weights/last.pt"))
        found = [
            line
            for image in splits["val"]["images"]
            for line in boxes(trained, folder / "images" / image["file_name"], image["id"],
                              splits["val"]["categories"], input_size)
        ]  # fmt: skip
    detections.write_text(json.dumps(found))
    print(f"ultralytics {ultralytics.__version__}, torch {torch.__version__}")


def convert(folder: Path, split: str, work: Path) -> dict[str, Any]:
    """Write a split as ultralytics reads it: links to the images, a text file per image.

    Returns its annotations. A line has the category's index, and the box's centre and size as
    fractions of the image's.
    """
    content = json.loads((folder / f"annotations/instances_{split}.json").read_text())
    index = {category["id"]: number for number, category in enumerate(content["categories"])}
    lines: dict[int, list[str]] = {image["id"]: [] for image in content["images"]}
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    for annotation in content["annotations"]:
        (x, y, w, h), (width, height) = annotation["bbox"], sizes[annotation["image_id"]]
        numbers = ((x + w / 2) / width, (y + h / 2) / height, w / width, h / height)
        line = " ".join(map(str, (index[annotation["category_id"]], *numbers)))
        lines[annotation["image_id"]].append(line)
    for kind in ("images", "labels"):
        (work / kind / split).mkdir(parents=True)
    for image in content["images"]:
        name = Path(image["file_name"])
        (work / "images" / split / name.name).symlink_to((folder / "images" / name).resolve())
        text = "\n".join(lines[image["id"]])
        (work / "labels" / split / name.name).with_suffix(".txt").write_text(text + "\n")
    return content


def boxes(
    network: Any, path: Path, image_id: int, categories: list[dict[str, Any]], input_size: int
) -> list[dict[str, Any]]:
    """An image's detections, as COCO's results: down to scores of 0.001, 100 at most."""
    result = network.predict(path, imgsz=input_size, conf=0.001, max_det=100, verbose=False)[0]
    corners = result.boxes.xyxy.tolist()
    pairs = zip(corners, result.boxes.conf.tolist(), result.boxes.cls.tolist(), strict=True)
    return [
        {
            "image_id": image_id,
            "category_id": categories[int(category)]["id"],
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "score": score,
        }
        for (x0, y0, x1, y1), score, category in pairs
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
