"""Kills at random moments, counted: `make campaign`."""
