"""The Hugging Face Hub in the standard library: what `huggingface_hub` 2.4 asks of it, and switches for what goes wrong.

As the real one it knows a repository by its name and a revision ("main" or a commit), answers 401 for one it does not
know, tells small files by their git SHA-1, and sends large ones (LFS) from another address, to which it redirects.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".pt", ".msgpack")


@dataclass
class Repository:
    """files: content by path. The commit's name is made of them: another content is another commit."""

    files: Mapping[str, bytes]

    @property
    def commit(self) -> str:
        return hashlib.sha1(json.dumps(sorted((p, sha256(c)) for p, c in self.files.items())).encode()).hexdigest()

    def sibling(self, path: str) -> dict[str, Any]:
        """A file as ``/api/models/…?blobs=True`` tells it."""
        told: dict[str, Any] = {"rfilename": path, "size": len(self.files[path]), "blobId": self._oid(path)}
        if path.endswith(LARGE):
            told["lfs"] = {"sha256": sha256(self.files[path]), "size": len(self.files[path]), "pointerSize": 134}
        return told

    def leaf(self, path: str) -> dict[str, Any]:
        """A file as ``/tree`` tells it."""
        told: dict[str, Any] = {"type": "file", "path": path, "size": len(self.files[path]), "oid": self._oid(path)}
        if path.endswith(LARGE):
            told["lfs"] = {"oid": sha256(self.files[path]), "size": len(self.files[path]), "pointerSize": 134}
        return told

    def etag(self, path: str) -> str:
        return sha256(self.files[path]) if path.endswith(LARGE) else self._oid(path)

    def _oid(self, path: str) -> str:
        content = self.files[path]
        return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Faults:
    """What is wrong with this Hub. Paths are files of a repository; "" is every file and question.

    silent: takes the connection and says nothing; drip: sends the content of this path byte by byte; slow: sends it in
    pieces, a second long in all; stuck: sends half of it and then nothing; status: answers with this number and error code; wrong: sends other bytes than it tells of; cut: closes the connection in the middle
    of this path, this many times; missing: tells of this path and answers 404 for it.
    """

    silent: bool = False
    drip: str | None = None
    slow: str | None = None
    stuck: str | None = None
    status: tuple[int, str] | None = None
    wrong: str | None = None
    cut: tuple[str, int] | None = None
    missing: str | None = None


@dataclass
class HubServer:
    """Serve ``repositories`` until `close`. asked: (method, path, range) of every request."""

    repositories: Mapping[str, Repository]
    faults: Faults = field(default_factory=Faults)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def fetched(self) -> set[str]:
        """The files whose content was asked for."""
        return {path.split("/", 5)[5] for method, path, _ in self.asked if "/resolve/" in path and method == "GET"} | {
            path.removeprefix("/cdn/").split("/", 1)[1] for _, path, _ in self.asked if path.startswith("/cdn/")
        }

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was ended in the middle is part of these tests."""


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        faults = self.hub.faults
        if faults.silent:
            self.hub.closing.wait(60)
            self.close_connection = True
        elif faults.status:
            self._refuse(*faults.status)
        elif path.startswith("/api/models/"):
            self._tell(path.removeprefix("/api/models/"))
        elif path.startswith("/cdn/"):
            digest, name = path.removeprefix("/cdn/").split("/", 1)
            contents = [c for r in self.hub.repositories.values() for c in r.files.values() if sha256(c) == digest]
            self._content(name, contents[0], digest)
        else:
            self._resolve(*path.removeprefix("/").split("/", 4))

    def _tell(self, asked: str) -> None:
        name, _, rest = ("/".join(asked.split("/")[:2]), "", asked.split("/")[2:])
        repository = self._repository(name, rest[1] if len(rest) > 1 else "main")
        if repository is None:
            return
        if rest[:1] == ["tree"]:
            self._json([repository.leaf(path) for path in repository.files])
        else:
            siblings = [repository.sibling(path) for path in repository.files]
            self._json({"id": name, "sha": repository.commit, "siblings": siblings})

    def _resolve(self, owner: str, name: str, _: str, revision: str, path: str) -> None:
        repository = self._repository(f"{owner}/{name}", revision)
        if repository is None:
            return
        if path not in repository.files or path == self.hub.faults.missing:
            self._refuse(404, "EntryNotFound")
        elif path.endswith(LARGE):
            self.send_response(302)
            elsewhere = self.hub.endpoint.replace("127.0.0.1", "localhost")  # another host, as the real one's
            self.send_header("Location", f"{elsewhere}/cdn/{repository.etag(path)}/{path}")
            self.send_header("X-Linked-ETag", f'"{repository.etag(path)}"')
            self.send_header("X-Linked-Size", str(len(repository.files[path])))
            self.send_header("X-Repo-Commit", repository.commit)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._content(path, repository.files[path], repository.etag(path), repository.commit)

    def _content(self, name: str, content: bytes, etag: str, commit: str = "") -> None:
        faults = self.hub.faults
        if name == faults.wrong:
            content = bytes(255 - byte for byte in content)
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{etag}"')
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.end_headers()
        if self.command == "GET":
            self._send(name, content[begin:])

    def _send(self, name: str, content: bytes) -> None:
        faults = self.hub.faults
        if name == faults.drip:
            for i in range(len(content)):
                self.wfile.write(content[i : i + 1])
                if self.hub.closing.wait(0.05):
                    break
            self.close_connection = True
        elif name == faults.slow:
            for i in range(0, len(content), len(content) // 10):
                self.wfile.write(content[i : i + len(content) // 10])
                self.hub.closing.wait(0.1)
        elif name == faults.stuck:
            self.wfile.write(content[: len(content) // 2])
            self.hub.closing.wait(60)
            self.close_connection = True
        elif faults.cut and faults.cut[0] == name and faults.cut[1] > 0:
            faults.cut = (name, faults.cut[1] - 1)
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(content)

    def _repository(self, name: str, revision: str) -> Repository | None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            self._refuse(401, "RepoNotFound")
        elif revision not in ("main", repository.commit):
            self._refuse(404, "RevisionNotFound")
            return None
        return repository

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, told: Any) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
