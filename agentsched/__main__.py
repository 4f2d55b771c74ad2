"""``python -m agentsched`` is the command ``agentsched``."""

import sys

from agentsched.cli import main

if __name__ == "__main__":
    sys.exit(main())
