"""A server that is measured: one document, which tests set, and a count of who asked for it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Numbers:
    """A server of one number, which tests set, and which counts how often it was asked."""

    def __init__(self):
        self.value = {"errors": 0}
        self.asked = 0
        numbers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                numbers.asked += 1
                body = json.dumps(numbers.value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
