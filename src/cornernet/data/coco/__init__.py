"""A data set in COCO's format: its annotation files, its images, and what is checked in them."""
