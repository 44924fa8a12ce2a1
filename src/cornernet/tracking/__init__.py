"""The experiment tracker, MLflow, behind a few functions; nothing else imports it.

One run per trained model. What is measured lies in files: `send` tells MLflow what it lacks of
them, and a `Run` sends a training's curves while they grow. The tracker never fails nor slows
what it watches.
"""

from cornernet.tracking.registry import ModelFiles, Registered
from cornernet.tracking.run import Run
from cornernet.tracking.send import REPORT_PAGE, send
from cornernet.tracking.server import PORT, Attempts, leaves_to_others, pages

__all__ = [
    "PORT", "REPORT_PAGE", "Attempts", "ModelFiles", "Registered", "Run",
    "leaves_to_others", "pages", "send",
]  # fmt: skip
