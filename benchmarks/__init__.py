"""How long the parts that a user waits for take, each beside a baseline in the same process.

`python -m benchmarks` lists them. A module has one subject, with functions that take `Settings` and
a `Record`: they check that all forms compute the same, then time them in turn.
"""
