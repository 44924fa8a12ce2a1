"""Commands for people, which are no stages: one module per command; `plan` has several."""
