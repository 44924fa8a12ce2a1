"""`python -m cornernet`: the same as the `cornernet` command."""

import sys

from cornernet.cli import main

if __name__ == "__main__":
    sys.exit(main())
