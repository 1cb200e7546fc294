import base64
import random
import string
import time

import pytest

from rag import files
from rag.files import secrets
from rag.files.secrets import kinds
from rag.sources import TreeEntry
from tests.attacks.fake_secrets import FAKES, Fake
from tests.rag import secret_lookalikes, secret_named, secret_writings

MASK = secrets.MASK
# One a line: what a program, its documentation or its tests are full of.
NO_SECRETS = """
password = get_password(user)
password = settings.DB_PASSWORD
password: str
def login(username: str, password: str = "") -> Token: ...
token = tokens.next()
token = "csrfmiddlewaretoken"
SECRET_KEY = os.environ["SECRET_KEY"]
SECRET_KEY = env("SECRET_KEY", default="change-me-in-production-1")
OPENAI_API_KEY=
OPENAI_API_KEY=your-api-key-goes-here-1
GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}
DATABASE_URL=postgres://user:password@localhost/db
DATABASE_URL=postgres://postgres:postgres@db:5432/app
redis://:${REDIS_PASSWORD}@redis:6379
f"https://{user}:{password}@github.com/o/n"
amqp://guest:guest@localhost:5672//
<input type="password" name="password1" autocomplete="new-password">
{"type": "password", "label": "Password (at least 8 characters)"}
tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased-v1")
"django.contrib.auth.password_validation.MinimumLengthValidator"
integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"
commit 3ec14d2b1f0c9a7e6d5c4b3a29181706f5e4d3c2
if "-----BEGIN RSA PRIVATE KEY-----" in text:
sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx
<div class="sk-folding-cube sk-cube-grid-and-some-more">
task-runner-with-a-long-name-and-more
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7v1 ada@example.org
the key of the cache is (path, blob_sha, pipeline)
cache_key = f"project-{project.pk}-{revision.pk}"
public_key = "pk_test"
auth = HTTPBasicAuth(username, password)
password = "*" * 8
keys: ["alpha", "beta"]
Authorization: Bearer <token>
("auth", "0012_alter_user_first_name_max_length"),
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
authorization = AuthorizationCodeGrant2Implementation
mysql -h localhost -p 3306 -u root
token = request.headers.get("Authorization") or "anonymous"
"message/global-disposition-notification": ["u8mdn"],
LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUMrekNDQWVPZ0F3SUJBZ0lKQUs=
""".strip().splitlines()
# (text, what of it must go): ways to write passwords that are known by their names only.
NAMED = [
    ('password = "correct-horse-battery-staple"', "battery"),
    ("password = 'hunter2'", "hunter2"),
    ("<password>S3cretPa55word</password>", "S3cretPa55word"),
    ('<add key="ApiKey" value="9f8a7b6c5d4e3f2a1b0c9d8e"/>', "9f8a7b"),
    ("Server=db;User Id=sa;Password=Str0ng!Pass;", "Str0ng"),
    ("spring.datasource.password=Pa$$w0rd2024", "w0rd"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalr"),
    ("mysql://root:hunter2@localhost/db", "hunter2"),
    ("curl -u ada:Gr4nite https://example.org", "Gr4nite"),
    ('connection.login("ada", password("Gr4nite!Hollow77"))', "Gr4nite"),
    ("CREATE USER ada IDENTIFIED BY 'Gr4nite!Hollow77'", "Gr4nite"),
    ("serve --token 9f8a7b6c5d4e3f2a1b0c", "9f8a7b"),
    ("admin:$apr1$salt1234$abcdefghijklmnopqrstuv", "salt1234"),
    # In strings, and in notebooks
    (r'curl -d "{\"user\":\"ada\",\"password\":\"Gr4nite!Hollow77\"}"', "Gr4nite"),
    (r'    "api_key = \"9f8a7b6c5d4e3f2a1b0c\"\n",', "9f8a7b"),
    (r'password = "Gr4nite\"Hollow77"', "Hollow77"),
    # Over two lines
    ("password: |\n  Gr4nite!Hollow77\n", "Gr4nite"),
    ("api_key: >-\n  9f8a7b6c5d4e3f2a1b0c\n", "9f8a7b"),
    ('password = """\nGr4nite!Hollow77"""', "Gr4nite"),
    ('API_KEY = (\n    "9f8a7b6c5d4e3f2a1b0c"\n)', "9f8a7b"),
    ('<property name="password">\n  <value>Gr4nite!Hollow77</value>', "Gr4nite"),
    ("<key>ApiKey</key>\n<string>9f8a7b6c5d4e3f2a1b0c</string>", "9f8a7b"),
    ('variable "db_password" {\n  default = "Gr4nite!Hollow77"\n}', "Gr4nite"),
    # With a mark, a type or a default before them
    ("password: &login Gr4nite!Hollow77", "Gr4nite"),
    ("password: !!str Gr4nite!Hollow77", "Gr4nite"),
    ("<password><![CDATA[Gr4nite!Hollow77]]></password>", "Gr4nite"),
    ("const secret = process.env.JWT_SECRET || 'Gr4nite!Hollow77';", "Gr4nite"),
    ('password = os.getenv("DB_PASS") or "Gr4nite!Hollow77"', "Gr4nite"),
    ("ENV.fetch('API_TOKEN') { '9f8a7b6c5d4e3f2a1b0c' }", "9f8a7b"),
    ('const PASSWORD: &\'static str = "Gr4nite!Hollow77";', "Gr4nite"),
    ('let password: String? = "Gr4nite!Hollow77"', "Gr4nite"),
    ('const char password[] = "Gr4nite!Hollow77";', "Gr4nite"),
    ('#define API_KEY  "9f8a7b6c5d4e3f2a1b0c"', "9f8a7b"),
    ("DB_PASSWORD ?= Gr4nite!Hollow77", "Gr4nite"),
    # In a text for people
    ("| password | `Gr4nite!Hollow77` |", "Gr4nite"),
    ("**Password:** Gr4nite!Hollow77", "Gr4nite"),
    ("The password is `Gr4nite!Hollow77`.", "Gr4nite"),
    ("password：Gr4nite!Hollow77", "Gr4nite"),
    # Commands, requests, addresses
    ("mysql -u root -pGr4nite!Hollow77 shop", "Gr4nite"),
    ("sshpass -p 'Gr4nite!Hollow77' ssh root@host", "Gr4nite"),
    ("docker login -u ada -p Gr4nite!Hollow77 registry.example", "Gr4nite"),
    ('curl -H "Authorization: Token 9f8a7b6c5d4e3f2a1b0c"', "9f8a7b"),
    ('headers = {"Authorization": "9f8a7b6c5d4e3f2a1b0c"}', "9f8a7b"),
    ("https://api.example/v1?key=9f8a7b6c5d4e3f2a1b0c", "9f8a7b"),
    ("postgres://shop:Gr4nite@Hollow77@db/shop", "Hollow77"),
    ('{"kty":"EC","d":"' + "9f8A7b6C5d" * 4 + 'abc"}', "9f8A7b"),
    ('SECRET_KEY = "' + "9f8a7b6c5d4e3f20" * 16 + '"', "9f8a7b"),
]
HOSTILE = [
    "password ", "password=", "password_", "password\n", "--token", "--", "ENV ", "://", "a://b:c", "curl -u a", "eyJ",
    "eyJaaaaaaaa.", "$2a$", "AKIA", "sk-a", "1:", "M", "secret_", "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----A\n", "Private-Lines: 1 AAAAAAAAAAAAAAAAAAAA ",
    'password = "\\\\', "password = \\\\", 'password"""', "password: |\n ", "password (", "password: &'a ",
    "password[]", "LS0tLS1CRUdJTi", "LS0tLS1CRUdJTi" + "A" * 20 + " ", "mysql ", "mysql -p", "docker login -p ",
    "Authorization: ", "&key=", '"kty" "d":"', "a://b:c@", "\\n", "token ||", "</key><string>",
    "---- BEGIN SSH2 PRIVATE KEY ----\n", "---- BEGIN SSH2 PRIVATE KEY ----\na: b\n", "untrusted comment: ", "<D>A",
    "BEGIN OpenVPN Static key V1-----\n", "MIIEvIBAAKC" + "A" * 20 + " ", "nsec1", "xprv",
    'password = f(', "password = a or ", "password is ", "password for a ", '"a" == password ', '"password", ',
    'password: "a" as the password', "name: password\n  value: ", "password = a ? b : ", "password</b>: <code>",
    "user,password\n", "user,password\n1,2\n", "| password |\n|-|\n", "password,",
    "(password) VALUES ('a'), ", "VALUES (",
    "openssl -k ", "curl -u a:", "echo a | ", "ldapa -w ", "docker login ", 'auth=("a", ', "Cookie: a=",
    "echo 'aaaaaaaa' | a ", "login a password ", "secret --from-literal=a=", "htpasswd -b ", "jdbc:oracle:thin:a/",
    '"a:a', "@tcp(",
    "kind: Secret\ndata:\n  a: b\n", "kind: Secret\n", "kind: Secret\n---\n", "data:\n  a: |\n   ", "data:\n ",
    '"a" + ', '"a" "', "'a'\n", '"sk-"', '"sk-", "a1', 'password = "a" + ', '"sk-', '"ghp_" + "a"\n',
]  # fmt: skip


@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.name)
def test_a_secret_is_masked_and_the_lines_stay(fake: Fake) -> None:
    text = f"first\n{fake.text}\nlast\n"

    shown = secrets.masked(text)

    assert [secret for secret in fake.secrets if secret in shown.text] == []
    assert shown.text.count("\n") == text.count("\n")
    assert shown.text.startswith("first\n") and shown.text.endswith("\nlast\n")
    assert shown.findings[0].start_line == 2


@pytest.mark.parametrize(("text", "secret"), NAMED)
def test_a_secret_is_known_by_its_name(text: str, secret: str) -> None:
    assert secret not in secrets.masked(text).text


@pytest.mark.parametrize("writing", [*secret_writings.PRIVATE_KEYS, *secret_writings.PIECES])
def test_it_is_masked_however_it_is_written(writing: tuple[str, tuple[str, ...]]) -> None:
    text, parts = writing

    shown = secrets.masked(f"first\n{text}\nlast\n").text

    assert [part for part in parts if part in shown] == []
    assert shown.count("\n") == text.count("\n") + 3


@pytest.mark.parametrize(
    "text", [*secret_named.PROGRAMS, *secret_named.SETTINGS, *secret_named.SENTENCES, *secret_named.TABLES]
)
def test_it_is_known_by_its_name_in_whatever_language(text: str) -> None:
    written = [value for value in secret_named.VALUES if value in text]

    shown = secrets.masked(f"first\n{text}\nlast\n").text

    assert written and [value for value in written if value in shown] == []


def test_an_aws_secret_is_known_by_the_id_beside_it() -> None:
    (one,) = [fake for fake in FAKES if fake.name == "aws-id" or fake.kind == "aws-id"][:1]
    (secret,) = [part for fake in FAKES if fake.kind == "aws-secret" for part in fake.secrets][:1]

    assert secret not in secrets.masked(f"{one.text}\n{secret}\n").text
    assert secret in secrets.masked(f"a checksum\n{secret}\n").text
    assert "a" * 40 in secrets.masked(f"{one.text}\n{'a' * 40}\n").text


@pytest.mark.parametrize(
    ("alphabet", "length"), [("0123456789abcdef", 24), (string.ascii_lowercase + string.digits, 20)]
)
def test_keys_made_by_chance_are_hardly_ever_taken_for_names(alphabet: str, length: int) -> None:
    chance = random.Random(1)
    keys = ["".join(chance.choices(alphabet, k=length)) for _ in range(500)]

    assert sum(key in secrets.masked(f'api_key = "{key}"').text for key in keys) <= 10


@pytest.mark.parametrize("value", ["two words that say nothing", "/run/secrets/database", "https://example.org/login"])
def test_words_and_places_are_no_passwords(value: str) -> None:
    assert value in secrets.masked(f'password = "{value}"').text


def test_what_overlaps_is_masked_as_one() -> None:
    spans = [kinds.Span(0, 5, "password"), kinds.Span(3, 8, "token"), kinds.Span(9, 10, "token")]

    assert list(secrets._apart(spans)) == [kinds.Span(0, 8, "password"), kinds.Span(9, 10, "token")]


def test_there_are_forty_fakes_of_twenty_kinds() -> None:
    assert (len(FAKES), len({fake.kind for fake in FAKES})) == (40, 20)


@pytest.mark.parametrize("text", [*NO_SECRETS, *secret_lookalikes.LINES, *secret_lookalikes.BLOCKS])
def test_what_is_no_secret_stays(text: str) -> None:
    assert secrets.masked(text) == secrets.Masked(text=text)


@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.name)
def test_what_is_masked_is_no_secret_any_more(fake: Fake) -> None:
    shown = secrets.masked(fake.text).text

    assert secrets.masked(shown).text == shown


def test_a_table_ends_with_the_first_line_that_has_other_cells() -> None:
    shown = secrets.masked("user,password\nada,Gr4nite!Hollow77\nbob,\nthe end\nada,Gr4nite!Hollow77\n")

    assert shown.text == f"user,password\nada,{MASK}\nbob,\nthe end\nada,Gr4nite!Hollow77\n"


def test_what_a_manifest_of_a_secret_holds_is_masked_whatever_its_name() -> None:
    data = "metadata:\n  name: db\ndata:\n  url: {0}\n  a.key: |\n    {0}\n    {0}\n  mail: {{{{ .Values.mail }}}}\n"
    other = f"---\nkind: ConfigMap\n{data.format('R3I0bml0ZSE')}"

    shown = secrets.masked(f"kind: Secret\n{data.format('R3I0bml0ZSE')}{other}").text

    assert shown == f"kind: Secret\n{data.format(MASK)}{other}"


def test_each_piece_of_a_secret_is_masked_where_it_stands() -> None:
    shown = secrets.masked('password = (\n    "Gr4nite"\n    + "!Hollow77"\n)  # of Ada\n')

    assert shown.text == f'password = (\n    "{MASK}"\n    + "{MASK}"\n)  # of Ada\n'
    assert [str(finding) for finding in shown.findings] == ["password in line 2", "password in line 3"]


def test_only_the_secret_is_masked_and_its_length_is_not_told() -> None:
    shown = secrets.masked('def connect():\n    return login("ada", password="Gr4nite!Hollow77")  # as Ada\n')

    assert shown.text == f'def connect():\n    return login("ada", password="{MASK}")  # as Ada\n'
    assert [str(finding) for finding in shown.findings] == ["password in line 2"]


def test_a_private_key_loses_its_lines_one_by_one() -> None:
    (fake, *_) = [fake for fake in FAKES if fake.kind == "private-key"]

    shown = secrets.masked(fake.text)

    assert shown.text.splitlines()[:2] == ['KEY = """-----BEGIN RSA PRIVATE KEY-----', MASK]
    assert shown.sentence == "private key in lines 1–15"


@pytest.mark.parametrize("width", [76, 10_000])
def test_a_private_key_is_known_when_it_is_encoded_once_more(width: int) -> None:
    (fake, *_) = [fake for fake in FAKES if fake.kind == "private-key"]
    encoded = base64.b64encode(fake.text.removeprefix('KEY = """').encode()).decode()
    lines = [encoded[start : start + width] for start in range(0, len(encoded), width)]

    shown = secrets.masked("data:\n  tls.key: " + "\n    ".join(lines) + "\n").text

    assert [line for line in lines if line in shown] == []


@pytest.mark.parametrize("before", [r"\n", r"key:\t", "https://example.org/?q=%3D"])
def test_a_token_is_known_behind_what_is_escaped(before: str) -> None:
    token = next(fake.secrets[0] for fake in FAKES if fake.kind == "github")

    assert token not in secrets.masked(f'"{before}{token}"').text


def test_a_long_list_of_findings_is_cut() -> None:
    shown = secrets.masked("password = 'Gr4nite!Hollow77'\n" * 12)

    assert len(shown.findings) == 12
    assert shown.sentence.endswith("password in line 10; and 2 more")


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize(
    "head",
    ["", "sk- AKIA PRIVATE KEY Private-Lines: :// curl $ eyJ <RSAKeyValue> @tcp( -stdin chpasswd\nkind: Secret\n"],
)
def test_a_hostile_file_takes_no_time(piece: str, head: str) -> None:
    text = head + (piece * 50_000)[:50_000]
    started = time.thread_time()

    secrets.masked(text)

    assert time.thread_time() - started < 2


def test_a_file_is_read_without_its_secrets() -> None:
    entry = TreeEntry(path="login.py", mode="100644", blob_sha="1" * 40, size=10)

    file = files.decode(entry, b"import x\nPASSWORD = 'Gr4nite!Hollow77'\n")

    assert isinstance(file, files.SourceFile)
    assert (file.text, file.masked) == (f"import x\nPASSWORD = '{MASK}'\n", "password in line 2")


def test_a_path_that_holds_a_secret_is_not_shown() -> None:
    token = next(fake.secrets[0] for fake in FAKES if fake.kind == "github")
    entry = TreeEntry(path=f"tokens/{token}.py", mode="100644", blob_sha="1" * 40, size=10)

    _, (skipped,) = files.select([entry], {}, "", files.Limits(file_bytes=50, files=9, text_bytes=90))

    assert skipped.reason == "path" and token not in skipped.path


def test_pieces_are_put_together_in_every_place() -> None:
    tail = "q9Xw2Lr8" * 4 + "q9Xw"
    line = f'key = "ghp_" + "{tail}"\n'
    text = line + "x = 1\n" * 5 + line.replace("key", "other")
    assert tail not in secrets.masked(text).text and len(secrets.masked(text).findings) >= 2
