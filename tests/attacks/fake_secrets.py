"""Secrets that open nothing: forty of twenty kinds, made of the published formats and of chance.

They are put together when they are needed, so that no scanner of repositories takes this one for leaking.
"""

import base64
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass

_chance = random.Random(20)
_HEX = "0123456789abcdef"
_WORD = string.ascii_letters + string.digits
_SAFE = _WORD + "-_"
_UPPER = string.ascii_uppercase + string.digits


@dataclass(frozen=True, kw_only=True)
class Fake:
    """`text` is a piece of a file at `path`, with every one of `secrets` in it, which nobody may see."""

    kind: str
    path: str
    text: str
    secrets: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.path}"


def _some(alphabet: str, count: int) -> str:
    return "".join(_chance.choices(alphabet, k=count))


def _base64(count: int) -> str:
    return base64.b64encode(_chance.randbytes(count)).decode()


def _token(*parts: str) -> str:
    return "".join(parts)


def _pem(label: str, lines: int) -> tuple[str, tuple[str, ...]]:
    body = [_base64(48) for _ in range(lines)] + [_base64(20)]
    return "\n".join([f"-----BEGIN {label}-----", *body, f"-----END {label}-----"]), tuple(body)


def _jwt() -> str:
    def part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    return ".".join((part('{"alg":"HS256","typ":"JWT"}'), part('{"sub":"42","name":"Ada"}'), _some(_SAFE, 43)))


def _fake(kind: str, path: str, before: str, secret: str, after: str = "") -> Fake:
    return Fake(kind=kind, path=path, text=f"{before}{secret}{after}", secrets=(secret,))


def _clouds() -> Iterator[Fake]:
    yield _fake("aws-id", "deploy.py", 'ACCESS = "', _token("AK", "IA", _some(_UPPER, 16)), '"')
    yield _fake("aws-id", "docs.md", "Log in as ", _token("AS", "IA", _some(_UPPER, 16)), ".")
    yield _fake("aws-secret", "aws.sh", "export AWS_SECRET_ACCESS_KEY=", _some(_WORD + "/+", 40))
    yield _fake("aws-secret", "boto.py", '    aws_secret_access_key="', _some(_WORD + "/+", 40), '",')
    yield _fake("google", "maps.js", 'const key = "', _token("AI", "za", _some(_SAFE, 35)), '";')
    yield _fake(
        "google", "index.html", "<script src=https://maps.example/js?key=", _token("AI", "za", _some(_SAFE, 35))
    )
    account = _token("AccountName=docs;AccountKey=", "{};EndpointSuffix=core.windows.net")
    key = _base64(64)
    for path in ("appsettings.json", "storage.cs"):
        text = f'"DefaultEndpointsProtocol=https;{account.format(key)}"'
        yield Fake(kind="azure-storage", path=path, text=text, secrets=(key,))


def _forges() -> Iterator[Fake]:
    yield _fake("github", "release.yml", "        token: ", _token("gh", "p_", _some(_WORD, 36)))
    fine = _token("github", "_pat_", _some(_WORD, 22), "_", _some(_WORD, 59))
    yield _fake("github", "push.sh", "git push https://ada:", fine, "@github.com/ada/site")
    yield _fake("gitlab", "ci.yml", "  PRIVATE: ", _token("gl", "pat-", _some(_SAFE, 20)))
    yield _fake("gitlab", "api.rb", "client = Gitlab.new('", _token("gl", "pat-", _some(_SAFE, 20)), "')")
    yield _fake("npm", "publish.sh", "//registry.example/:_authToken=", _token("np", "m_", _some(_WORD, 36)))
    yield _fake("npm", "publish.js", "login('", _token("np", "m_", _some(_WORD, 36)), "')")
    yield _fake(
        "pypi", "upload.sh", "twine upload -u __token__ -p ", _token("py", "pi-AgEIcHlwaS5vcmc", _some(_SAFE, 80))
    )
    yield _fake("pypi", "setup.cfg", "password = ", _token("py", "pi-AgEIcHlwaS5vcmc", _some(_SAFE, 80)))


def _models() -> Iterator[Fake]:
    yield _fake(
        "openai",
        "chat.py",
        'client = OpenAI(api_key="',
        _token("s", "k-", _some(_WORD, 20), "T3Blbk", "FJ", _some(_WORD, 20)),
        '")',
    )
    new = _token("s", "k-proj-", _some(_SAFE, 74), "T3Blbk", "FJ", _some(_SAFE, 74))
    yield _fake("openai", "chat.ts", "const openai = new OpenAI({ apiKey: '", new, "' })")
    yield _fake("anthropic", "ask.py", 'KEY = "', _token("s", "k-ant-api03-", _some(_SAFE, 93), "AA"), '"')
    yield _fake("anthropic", "ask.sh", 'curl -H "x-api-key: ', _token("s", "k-ant-api03-", _some(_SAFE, 93), "AA"), '"')
    yield _fake("groq", "fast.py", "Groq(api_key='", _token("gs", "k_", _some(_WORD, 52)), "')")
    yield _fake("groq", "README.md", "GROQ_API_KEY=", _token("gs", "k_", _some(_WORD, 52)))


def _services() -> Iterator[Fake]:
    bot = _token("xo", "xb-", _some(string.digits, 12), "-", _some(string.digits, 13), "-", _some(_WORD, 24))
    yield _fake("slack", "bot.py", 'app = App(token="', bot, '")')
    hook = _token("T", _some(_UPPER, 8), "/B", _some(_UPPER, 10), "/", _some(_WORD, 24))
    yield _fake("slack", "alert.sh", _token("curl https://hooks.", "slack.com/services/"), hook, " -d hello")
    yield _fake("stripe", "pay.rb", 'Stripe.api_key = "', _token("sk", "_live_", _some(_WORD, 24)), '"')
    yield _fake("stripe", "pay.php", "$stripe = new Client('", _token("rk", "_live_", _some(_WORD, 99)), "');")
    yield _fake("sendgrid", "mail.py", 'SG = "', _token("S", "G.", _some(_SAFE, 22), ".", _some(_SAFE, 43)), '"')
    yield _fake(
        "sendgrid", "mail.yaml", "smtp: {key: ", _token("S", "G.", _some(_SAFE, 22), ".", _some(_SAFE, 43)), "}"
    )
    yield _fake("twilio", "sms.py", 'Client("', _token("S", "K", _some(_HEX, 32)), '")')
    yield _fake("twilio", "sms.js", "const authToken = '", _some(_HEX, 32), "';")
    yield _fake("telegram", "bot.js", "new Bot('", _token(_some("123456789", 10), ":AA", _some(_SAFE, 33)), "')")
    yield _fake(
        "telegram",
        "poll.sh",
        "curl https://api.telegram.example/bot",
        _token(_some("123456789", 9), ":AA", _some(_SAFE, 33)),
        "/getMe",
    )


def _general() -> Iterator[Fake]:
    for label, path in (("RSA PRIVATE KEY", "server.py"), ("OPENSSH PRIVATE KEY", "fixtures.txt")):
        text, body = _pem(label, 12)
        yield Fake(kind="private-key", path=path, text=f'KEY = """{text}\n"""', secrets=body)
    yield _fake("jwt", "session.js", "const session = '", _jwt(), "'")
    yield _fake("jwt", "call.http", "Authorization: Bearer ", _jwt())
    yield _fake("database", "settings.py", 'DATABASE = "postgresql://shop:', "N7t-vq2ZpLm4", '@db.internal:5432/shop"')
    yield _fake(
        "database", "compose.yml", "      - MONGO=mongodb+srv://root:", "wB9xTr5Kd3", "@cluster0.mongo.example/app"
    )
    yield _fake("password", "login.py", 'DB_PASSWORD = "', "Gr4nite!Hollow77", '"')
    yield _fake("password", "config.php", "'password' => '", "mX8#kP2$vQ9z", "',")


def everything() -> list[Fake]:
    """Forty, always the same."""
    return [*_clouds(), *_forges(), *_models(), *_services(), *_general()]


FAKES = everything()
