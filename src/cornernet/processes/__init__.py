"""Processes that work together, on one machine or several: torchrun's agent, and what it needs."""
