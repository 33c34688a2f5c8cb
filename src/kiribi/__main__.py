"""`python -m kiribi` is `kiribi`."""

import sys

from kiribi.cli import main

if __name__ == "__main__":
    sys.exit(main())
