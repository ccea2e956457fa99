"""`python -m toolfront` is the command line too."""

import sys

from toolfront._cli import main

sys.exit(main())
