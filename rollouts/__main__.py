"""`python -m rollouts` is the `rollouts` command."""

import sys

from rollouts.cli import main

sys.exit(main())
