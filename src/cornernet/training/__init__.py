"""Section 4.1: one optimisation step on any number of devices, the loop, resumable state."""
