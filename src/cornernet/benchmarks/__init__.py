"""What each fast path takes, beside a yardstick in the same process (`cornernet bench NAME`).

One module a benchmark, each with `run(conditions) -> Result`; `registry` lists them, `timing`
takes the times, `agreement` refuses to time two things that differ, `floors` measures what the
machine can do at best, `record` is the result and its file.
"""
