"""A detector from a weights file alone: what `cornernet.load` and `cornernet detect` are."""
