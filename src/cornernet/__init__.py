"""CornerNet: detecting objects as paired keypoints (Law and Deng, ECCV 2018), reproduced."""

__version__ = "0.1.0"
