"""The experiment tracker, MLflow, behind a few functions; nothing else imports it.

One run for each trained model: params, loss terms by iteration, and the metrics, tables and
figures of every later stage. The tracker never fails nor slows what it watches: an error is said
once, and what was measured stays in the files, from which it is sent later.
"""

from cornernet.tracking.run import Run
from cornernet.tracking.runs import find_run, open_run
from cornernet.tracking.server import initialise

__all__ = ["Run", "find_run", "initialise", "open_run"]
