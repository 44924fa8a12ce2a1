"""The experiment tracker, MLflow, behind a few functions; nothing else imports it.

One run for each trained model: params, loss terms by iteration, and the metrics, tables and
figures of every later stage; and the model itself in the registry. The tracker never fails nor
slows what it watches: what it has not been told yet waits in a journal on disk.
"""

from cornernet.tracking.run import Run
from cornernet.tracking.runs import find_run, open_run, send_waiting
from cornernet.tracking.server import initialise

__all__ = ["Run", "find_run", "initialise", "open_run", "send_waiting"]
