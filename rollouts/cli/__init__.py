"""The command line: `rollouts`, and the same as a kubectl plugin, `kubectl rollouts`.

Law of this room: it shows and asks, and decides nothing. Reads and requests go through the API
server like anybody else's; what a request does is the controller's business. Slow imports stand
inside the commands that need them.
"""

from rollouts.cli.main import main

__all__ = ["main"]
