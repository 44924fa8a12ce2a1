"""The one description of the stages, what a stage depends on, and how a result was made."""
