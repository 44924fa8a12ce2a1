"""Fetching COCO 2017: archives, checks, and what already lies on the disk."""
