"""A server on this machine that speaks the hub's protocol as far as a push and a download go."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

COMMIT = "c" * 40
RESOLVE = re.compile(r"/([\w-]+/[\w-]+)/resolve/[^/]+/(.+)")


class Handler(BaseHTTPRequestHandler):
    """Repositories in memory: every file goes up and comes down in one piece."""

    files: dict[str, bytes]
    asked: list[str]

    def do_POST(self) -> None:
        """Make a repository, say how files go up, take a commit."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(self.path)
        if self.path.endswith("/create"):
            name = json.loads(body)
            self.answer({"url": f"{self.base}/{name.get('organization')}/{name['name']}"})
        elif "/preupload/" in self.path:
            names = [each["path"] for each in json.loads(body)["files"]]
            modes = [
                {"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names
            ]
            self.answer({"files": modes})
        elif "/commit/" in self.path:
            repository = self.path.removeprefix("/api/models/").partition("/commit/")[0]
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    name = f"{repository}/{line['value']['path']}"
                    self.files[name] = base64.b64decode(line["value"]["content"])
            address = f"{self.base}/{repository}/commit/{COMMIT}"
            self.answer({"success": True, "commitOid": COMMIT, "commitUrl": address})
        else:
            self.answer({"errors": [], "warnings": []})

    def do_GET(self, *, with_body: bool = True) -> None:
        """A file, or what there is to know of a repository."""
        self.asked.append(self.path)
        found = RESOLVE.fullmatch(self.path)
        content = self.files.get(f"{found[1]}/{found[2]}") if found else None
        if found and content is None:
            self.answer({}, status=404, headers={"X-Error-Code": "EntryNotFound"})
        elif content is not None:
            digest = hashlib.sha256(content).hexdigest()
            headers = {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT}
            self.send(content if with_body else b"", len(content), headers)
        else:
            self.answer({"id": "someone/ghost", "sha": COMMIT, "siblings": [], "private": False})

    def do_HEAD(self) -> None:
        """The same without the file."""
        self.do_GET(with_body=False)

    @property
    def base(self) -> str:
        """The address of the server."""
        return f"http://{self.headers['Host']}"

    def answer(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send JSON."""
        body = json.dumps(value).encode()
        self.send(body, len(body), {"Content-Type": "application/json", **(headers or {})}, status)

    def send(self, body: bytes, length: int, headers: dict[str, str], status: int = 200) -> None:
        """Send bytes."""
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def hub_server() -> Iterator[tuple[str, dict[str, bytes], list[str]]]:
    """Its address, the files that it got by repository and path, and what it was asked."""
    files: dict[str, bytes] = {}
    asked: list[str] = []
    handler = type("Own", (Handler,), {"files": files, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", files, asked
    finally:
        server.shutdown()
        server.server_close()
