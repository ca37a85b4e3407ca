"""HTTP for the fakes: what they share whatever they play."""

from __future__ import annotations

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JSON = {"Content-Type": "application/json"}


class Handler(BaseHTTPRequestHandler):
    """Requests as HTTP brings them; a fake says how it takes them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Take a GET."""
        self.take("GET")

    def do_POST(self) -> None:
        """Take a POST."""
        self.take("POST")

    def do_DELETE(self) -> None:
        """Take a DELETE."""
        self.take("DELETE")

    def take(self, method: str) -> None:
        """Answer one request."""
        raise NotImplementedError(method)

    def body(self) -> bytes:
        """What came with the request."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, code: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send an answer: JSON, unless its headers say otherwise."""
        self.send_response(code)
        for name, value in {**JSON, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def listen(handler: type[Handler], service: object, port: int = 0) -> ThreadingHTTPServer:
    """Listen on this machine for a service: on a free port, unless one is named."""
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (handler,), {"service": service}))
    server.daemon_threads = True
    return server


def serve(server: ThreadingHTTPServer) -> None:
    """Serve until this process is ended; says first where."""
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201 - told to the test
    server.serve_forever()
