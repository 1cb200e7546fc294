"""Real git repositories for tests: built by commits, and served over loopback https by git's own http-backend."""

import hashlib
import os
import ssl
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from time import sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

NAME = "owner/name"
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
    "LC_ALL": "C",
}


class Repository:
    """A bare repository whose commits are made of blobs and trees, so that any path and mode can be committed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tree: dict[bytes, tuple[str, str]] = {}  # path → (mode, sha)
        self._parent = ""
        subprocess.run(
            ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(path)], check=True, env=ENVIRONMENT
        )
        with (path / "config").open("a") as config:
            config.write("[uploadpack]\nallowFilter = true\nallowAnySHA1InWant = true\n[http]\nreceivepack = false\n")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        command = ["git", "--git-dir", str(self.path), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, env=ENVIRONMENT, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode(errors="replace").strip()

    def blob(self, content: str | bytes) -> str:
        """Store a blob; its sha."""
        return self.store(b"blob", content.encode() if isinstance(content, str) else content)

    def add(self, path: str | bytes, content: str | bytes, mode: str = "100644") -> str:
        """Put a blob of any mode (120000 is a symlink) at any path for the next commit; its sha."""
        sha = self.blob(content)
        self.link(path, sha, mode)
        return sha

    def link(self, path: str | bytes, sha: str, mode: str = "100644") -> None:
        """Put an object of any sha at a path for the next commit: 160000 is a submodule."""
        self._tree[os.fsencode(path)] = (mode, sha)

    def commit(
        self, files: Mapping[str, str | bytes | None] | None = None, *, branch: str = "main", message: str = "x"
    ) -> str:
        """Commit `files` (None removes one) on top of the last commit; its sha."""
        for path, content in (files or {}).items():
            if content is None:
                del self._tree[os.fsencode(path)]
            else:
                self.add(path, content)
        return self.commit_tree(self._write(b""), branch=branch, message=message)

    def commit_tree(self, tree: str, *, branch: str = "main", message: str = "x") -> str:
        parents = ["-p", self._parent] if self._parent else []
        self._parent = self.git("commit-tree", tree, *parents, "-m", message)
        self.git("update-ref", f"refs/heads/{branch}", self._parent)
        return self._parent

    def tree(self, records: list[tuple[str, bytes, str]]) -> str:
        """Write a tree of (mode, name, sha) as it stands, valid or not; its sha."""
        body = b"".join(
            mode.lstrip("0").encode() + b" " + name + b"\0" + bytes.fromhex(sha) for mode, name, sha in records
        )
        return self.store(b"tree", body)

    def store(self, kind: bytes, body: bytes) -> str:
        """Write an object as git keeps it, without a process for each."""
        whole = kind + b" %d\0" % len(body) + body
        sha = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        file = self.path / "objects" / sha[:2] / sha[2:]
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(zlib.compress(whole, 1))
        return sha

    def _write(self, folder: bytes) -> str:
        names: dict[bytes, tuple[str, str]] = {}
        for path, (mode, sha) in self._tree.items():
            if not path.startswith(folder):
                continue
            name, slash, _ = path[len(folder) :].partition(b"/")
            if not slash:
                names[name] = (mode, sha)
            elif name not in names:
                names[name] = ("40000", self._write(folder + name + b"/"))
        ordered = sorted(names.items(), key=lambda item: item[0] + (b"/" if item[1][0] == "40000" else b""))
        return self.tree([(mode, name, sha) for name, (mode, sha) in ordered])


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request that the host got: `body` counts the bytes of the answer."""

    method: str
    path: str
    authorization: str | None
    sent: int


@dataclass
class Behaviour:
    """What the host does, changed by the test at any time."""

    token: str = ""  # asked for as a Basic password when set
    status: int = 0  # answer every request with this status
    location: str = ""
    stall: float = 0.0  # seconds before each answer
    bytes_a_second: int = 0
    cut_after: int = 0  # bytes of an answer, then the connection ends


@dataclass
class HttpsHost:
    """A git host at https://localhost:PORT whose certificate `certificate` vouches for."""

    root: Path
    port: int
    certificate: Path
    behaviour: Behaviour = field(default_factory=Behaviour)
    requests: list[Request] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.host}/{NAME}"

    @property
    def bytes_sent(self) -> int:
        return sum(request.sent for request in self.requests)


class _Handler(BaseHTTPRequestHandler):
    host: HttpsHost
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """The test reads `host.requests` instead."""

    def _answer(self) -> None:
        body = self._body()
        sleep(self.host.behaviour.stall)
        sent = self._send(body)
        authorization = self.headers.get("Authorization")
        self.host.requests.append(
            Request(method=self.command, path=self.path, authorization=authorization, sent=sent),
        )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, body: bytes) -> int:
        behaviour = self.host.behaviour
        status = behaviour.status or (401 if behaviour.token and not self._is_authorized() else 0)
        if status:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
            if behaviour.location:
                self.send_header("Location", behaviour.location + self.path.removeprefix(f"/{NAME}"))
            self.end_headers()
            return 0
        return self._backend(body)

    def _is_authorized(self) -> bool:
        return self.headers.get("Authorization") == self.host.behaviour.token

    def _backend(self, body: bytes) -> int:
        path, _, query = self.path.partition("?")
        environment = {
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.host.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return self._write(content)

    def _write(self, content: bytes) -> int:
        behaviour = self.host.behaviour
        step = behaviour.bytes_a_second // 10 or len(content) or 1
        if behaviour.cut_after:
            content, self.close_connection = content[: behaviour.cut_after], True
        for start in range(0, len(content), step):
            self.wfile.write(content[start : start + step])
            sleep(0.1 if behaviour.bytes_a_second else 0)
        return len(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed or distrusts the certificate leaves; that is what some tests are about."""


def certificate(folder: Path, *, name: str = "localhost") -> tuple[Path, Path]:
    """A self-made certificate for `name` and its key, as two PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return public, private


@contextmanager
def https_host(root: Path, folder: Path) -> Iterator[HttpsHost]:
    """Serve every repository under `root` until the block ends."""
    public, private = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    # The handshake happens in the request's thread, so that a client that never finishes it holds nobody up.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    host = HttpsHost(root=root, port=server.server_address[1], certificate=public)
    handler.host = host  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Clones go here; nothing of them may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty repository: `repository.commit({"a.py": "x = 1\\n"})` fills it."""
    path = tmp_path / "served" / f"{NAME}.git"
    path.parent.mkdir(parents=True)
    return Repository(path)


@pytest.fixture
def https_repository(
    repository: Repository, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HttpsHost]:
    """`repository` at https://localhost:PORT/owner/name, allowed and trusted."""
    with https_host(tmp_path / "served", tmp_path) as host:
        settings.RAG_ALLOWED_HOSTS = [host.host]
        monkeypatch.setenv("GIT_SSL_CAINFO", str(host.certificate))
        for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield host
