"""What a git of ours may know: no configuration of the machine or the user, one protocol, and a token for one host."""

import base64
import os
from pathlib import Path

from django.conf import settings

from rag.sources.address import Address

# Certificates and the way out differ by machine; nothing else of the caller's environment reaches git.
_KEPT = ("PATH", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")

# The only settings that git sees while it talks. They stand in a file because the program at the other end of a local
# fetch inherits this file and not the command line; that one also has to accept a folder of another user.
_SETTINGS = """\
[core]
	hooksPath = /dev/null
	bigFileThreshold = 1m
[protocol]
	version = 2
[http]
	followRedirects = false
	lowSpeedLimit = 500
	lowSpeedTime = 20
[fetch]
	unpackLimit = 1
	negotiationAlgorithm = noop
[pack]
	threads = 1
[gc]
	auto = 0
[maintenance]
	auto = false
[safe]
	directory = *
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[remote "origin"]
	promisor = true
	url = {url}
"""


def write_settings(home: Path, address: Address) -> Path:
    """The file of the settings for talking to `address`."""
    file = home / "settings"
    quoted = address.url.replace("\\", "\\\\").replace('"', '\\"')
    file.write_text(_SETTINGS.format(url=f'"{quoted}"'), encoding="utf-8", errors="surrogateescape")
    return file


def silent(home: Path) -> dict[str, str]:
    """For commands on what is here: no protocol at all, and nothing that is missing is fetched on the quiet.

    GIT_NO_LAZY_FETCH says so from git 2.45 on. Before, what keeps a git from fetching is that the clone's own
    configuration names no remote to fetch from; a fetch that notes one is undone (`Clone._fetch`).
    """
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
    return _base(home) | alone


def talking(home: Path, address: Address, configuration: Path) -> dict[str, str]:
    """For commands that reach the repository."""
    proxies = {name: os.environ[name] for name in _PROXIES if name in os.environ}
    protocol = {"GIT_CONFIG_GLOBAL": str(configuration), "GIT_ALLOW_PROTOCOL": "file" if address.is_local else "https"}
    return _base(home) | proxies | protocol | _credentials(address.host)


def _base(home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "HOME": str(home / "nobody"),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def _credentials(host: str) -> dict[str, str]:
    """The token as a header for this host only: in no argument, address or file, and gone when git ends."""
    if not token(host):
        return {}
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.https://{host}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {_basic(token(host))}",
    }


def token(host: str) -> str:
    """The token that RAG_GIT_TOKENS (host=token, …) names for `host`; "" without one."""
    pairs = (entry.partition("=") for entry in settings.RAG_GIT_TOKENS)
    return next((secret.strip() for name, _, secret in pairs if host and name.strip().lower() == host), "")


def secrets(host: str) -> list[str]:
    """Every form in which the token could show up in an output, longest first."""
    secret = token(host)
    return sorted({secret, secret.rpartition(":")[2], _basic(secret)}, key=len, reverse=True) if secret else []


def _basic(secret: str) -> str:
    # GitHub, GitLab and Forgejo take a token as the password of any user; "user:token" names another.
    pair = secret if ":" in secret else f"x-access-token:{secret}"
    return base64.b64encode(pair.encode()).decode()
