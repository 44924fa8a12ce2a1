"""`cornernet tracking`: makes MLflow ready before anyone writes to it, and sends what it missed."""

from cornernet.files import write_text
from cornernet.pipeline.job import Job
from cornernet.tracking import send_waiting


def run(job: Job) -> None:
    """Create or migrate the database, and the profile's experiment; deliver what waits.

    A server that is away is said, and stops nothing: what it is to know waits for it.
    """
    profile = job.profile.profile
    # What it says never changes: an address that changes must not train anew.
    write_text(job.paths.tracking, f"experiment {profile}\n")
    sent = send_waiting(profile)
    if sent is not None:
        print("\n".join(sent))
