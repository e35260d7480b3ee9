"""A program that metrics are asked of: /metrics out of a file, and every way to answer badly.

`python source.py FILE` prints its loopback port, and ends when its standard input does.
"""

from __future__ import annotations

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

METADATA = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"
HANG_SECONDS = 60
CHUNK = b" " * 65_536
CHUNKS = 3 * 2**30 // len(CHUNK)


class Handler(BaseHTTPRequestHandler):
    file: Path

    def do_GET(self):
        answer = getattr(self, f"_{self.path.strip('/')}", None)
        if answer is None:
            self._say(404, "nothing here")
        else:
            answer()

    def _metrics(self):
        self._say(200, self.file.read_text())

    def _good(self):
        self._say(200, '{"errors": 0}', "application/json")

    def _hang(self):
        time.sleep(HANG_SECONDS)

    def _broken(self):
        # Shows what it was sent, as some servers do in their pages of errors.
        self._say(500, f"no: {self.headers.get('Authorization')}")

    def _page(self):
        self._say(200, "<html><body>Sign in</body></html>", "text/html")

    def _huge(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(CHUNKS * len(CHUNK)))
        self.end_headers()
        for _ in range(CHUNKS):
            self.wfile.write(CHUNK)

    def _metadata(self):
        self.send_response(302)
        self.send_header("Location", METADATA)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _say(self, code, text, content_type="text/plain"):
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Whoever asks may go away in the middle of an answer."""


def main():
    Handler.file = Path(sys.argv[1])
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
