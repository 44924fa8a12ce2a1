"""Commands for people, which are no stages: one module for each."""
