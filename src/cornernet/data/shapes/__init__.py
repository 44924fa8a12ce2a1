"""The embedded data set: shapes on clutter, generated the same on every machine."""
