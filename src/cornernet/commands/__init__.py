"""Commands for people, which are no stages: one module per command, but for `files` and `plan`."""
