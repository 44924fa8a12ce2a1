"""The paper's claims and the verdict on each."""
