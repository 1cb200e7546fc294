"""Where this copy of Docent lies, and its environment: read here, before any setting is."""

from pathlib import Path

from config import env

__all__ = ["BASE_DIR", "env"]

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env.load(Path(env.text("ENV_FILE") or BASE_DIR / ".env"))
