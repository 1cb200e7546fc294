"""What is installed: pinned to the byte, little, and nothing that decides for the site who it talks to."""

import re
import tomllib

import pytest
from django.conf import settings

FILES = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")
MOST = 25
# Providers are spoken to by their own clients, and the local model runs without gigabytes.
UNWANTED = {
    "litellm", "langchain", "langchain-core", "langchain-openai", "langchain-community", "llama-index",
    "llama-index-core", "haystack-ai", "aisuite", "portkey-ai", "openrouter", "any-llm-sdk", "torch", "torchvision",
    "tensorflow", "jax", "transformers", "sentence-transformers", "huggingface-hub", "triton",
}  # fmt: skip


def packages(name: str) -> dict[str, str]:
    """Package → everything that its entry says."""
    text = re.sub(r"\s*\\\n\s+", " ", (settings.BASE_DIR / name).read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {re.split(r"[=<>~! \[;@]", line)[0]: line for line in lines}


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_one_version_and_known_by_its_hash(name: str) -> None:
    exact = re.compile(r"[\w.-]+==[\w.!+]+( ;[^#]*?)?( --hash=sha256:[0-9a-f]{64})+")
    loose = [line[:80] for line in packages(name).values() if not exact.fullmatch(line)]

    assert packages(name) and loose == []


def test_production_needs_few_packages_directly() -> None:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    direct = {re.split(r"[\[<>=]", line)[0] for line in project["dependencies"]}

    assert len(direct) <= MOST
    assert direct <= set(packages("requirements.txt"))


@pytest.mark.parametrize("name", FILES)
def test_there_is_no_gateway_and_no_torch(name: str) -> None:
    assert not UNWANTED & set(packages(name))


def test_each_file_holds_what_the_one_before_pins() -> None:
    pins = [{line.partition(" --hash")[0] for line in packages(name).values()} for name in FILES]

    assert pins[0] <= pins[1] <= pins[2]


def test_what_builds_the_site_wants_the_hashes() -> None:
    for name in ("build.sh", "script/_venv.sh"):
        text = (settings.BASE_DIR / name).read_text()
        installs = re.findall(r"pip install[^\n]*", text)
        assert installs and all("--require-hashes" in line for line in installs)
