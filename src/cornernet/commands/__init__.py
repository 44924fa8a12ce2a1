"""Commands for people, which are no stages: one module per command, and the rates of `plan`."""
