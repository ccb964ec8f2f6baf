"""`python -m housecat` is the same as `housecat`."""

import sys

from housecat.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
