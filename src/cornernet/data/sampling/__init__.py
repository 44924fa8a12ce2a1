"""Training samples (sections 3.2 and 4.1): augmentation, radii, targets, and their order."""
