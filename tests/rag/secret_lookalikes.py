"""What is no secret and looks like one: in programs, settings, commands, manifests, tables and texts for people."""

# One a line.
LINES = r'''
password = getpass()
password = getpass.getpass("Password for ada: ")
token = os.environ["TOKEN"]
token = os.environ.get("API_TOKEN", "")
password = os.environ.get("DB_PASSWORD", "postgres")
password: str | None = None
password: Annotated[str, MinLen(8)]
api_key: SecretStr = Field(default=...)
API_KEY=<your-key>
API_KEY=xxx
API_KEY=xxxxxxxxxxxxxxxxxxxxxxxx
password: changeme
PASSWORD=change-me-please
password = "********"
password: <password>
password: ${DB_PASSWORD}
password: "{{ vault_db_password }}"
password: !vault |
password: env('DB_PASSWORD')
password => env('DB_PASSWORD', 'secret'),
password = var.db_password
password = data.aws_secretsmanager_secret_version.db.secret_string
value: "$(DB_PASSWORD)"
commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904
"integrity": "sha512-9LkiTwjUh6rT6IrAqVV4yCkGSrmH5vzxkVb7vZfF7B0yJc8JkRVnE7BzXvWmLx3f2o1pQ6TtGyHn4dUe5sKlMA=="
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    --hash=sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9 \
id = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
background: url(data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4)
.sk-circle-fade-dot:nth-child(12n+1)::before{animation-delay:-1.1s}
color: #9f8a7b; background: #c0ffee99
!function(e,t){var n=e.pass1,r=t.key2;return n.k8(r.p3)}(a1,b2)
PASSWORD_REGEX = re.compile(r"^(?=.*[A-Z])(?=.*\d)[A-Za-z\d@$!%*?&]{8,}$")
password_pattern = "[A-Za-z0-9]{8,}"
"password": "Passwort",
"password": "Mot de passe",
"password_too_short": "Dein Passwort muss mindestens 8 Zeichen haben",
msgid "This password must contain at least 8 characters."
password1 = forms.CharField(label="Password", widget=forms.PasswordInput)
<input id="password2" name="password2" type="password">
<label for="password1">Password</label>
def check_password(password: str, encoded: str) -> bool:
self.password = make_password(raw_password)
if password != password2:
if password == confirm_password:
assert user.check_password("test")
the password is hashed with pbkdf2_sha256 and 600000 iterations
the password is argon2id-hashed
the password is SHA256-encoded
The password is stored in the keyring.
The password is at least 8 characters long.
the password is required
# The password is base64-encoded (see RFC2617)
The password was changed on 2024-05-17T10:00:00Z.
The token is a JWT signed with RS256.
The token is valid for 3600s.
the key is hmac-sha256:keyed
The API key is read from OPENAI_API_KEY.
the secret is kept in /run/secrets/db_password
password is None
password is not None and len(password) >= 8
password: 8-64 characters
password: min8chars
# password: see vault/prod/db.yml
Password: required, string
- `password`: the user's password (utf-8 encoded)
:param password: the password, max. 72 bytes (bcrypt2b)
@param password the user's password
| password | string | The user's password |
| `DB_PASSWORD` | `postgres` | Password of the database |
| token | yes | see OAuth2 |
| user | password |
user,password,email
SELECT user, password FROM users WHERE id = %s
INSERT INTO users (name, password) VALUES (%s, %s)
INSERT INTO users (name, password) VALUES (:name, :password)
user, password = credentials
user, password = line.split(":", 1)
for user, password in pairs:
username, password, host, port2 = parse(url)
return user, password
from app.auth import password, token, key2
token = secrets.token_hex(32)
token = hashlib.sha256(b"x").hexdigest()
token = request.GET.get("token1")
token = jwt.encode(payload, settings.SECRET_KEY, algorithm="HS256")
api_key = config.get("openai", "api_key_v2")
key = "abcdefghijklmnopqrstuvwxyz0123456789"
token_type = "urn:ietf:params:oauth:token-type:access_token2"
access_token_url = "https://accounts.example.org/oauth2/v4/token"
auth_uri: "https://accounts.example.org/o/oauth2/auth",
sort_key = "created_at_2"
primary_key = True
key="sidebar-item-3-collapsed-v2"
cache_key = "user:%s:profile:v2"
KEY_ALGORITHM = "AES256-GCM-SHA384"
private_key_path = "/etc/ssl/private/server1.key"
public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0k2h1qv0xY8r7s6t5u4w3v2 ada@example"
-----BEGIN PUBLIC KEY-----
-----BEGIN CERTIFICATE-----
---- BEGIN SSH2 PUBLIC KEY ----
if line.startswith("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"):
if key.startswith("sk-"):
key.startswith("ghp_") or key.startswith("github_pat_")
PREFIXES = ["sk-", "ghp_", "xoxb-", "AKIA"]
return "sk-" + secrets.token_urlsafe(32)
"sk-" + "x" * 48
"Bearer " + token
"Authorization": "Bearer " + access_token,
url = "https://" + user + ":" + password + "@" + host
"postgres://" + "user" + ":" + "password" + "@localhost"
message = "the password " + "must have 8 characters"
name = "password" + "1"
"abc" + "def" + "123456789"
curl -u "$USER:$PASSWORD" https://example.org
curl -H "Authorization: Bearer $TOKEN" https://example.org
curl -u user:password https://example.org
mysql -u root -p"$MYSQL_ROOT_PASSWORD" shop
mysql -u root -p shop
docker login -u "$USER" -p "$TOKEN"
docker run -p 8080:8080 -p 127.0.0.1:5432:5432 app
ssh -p 2222 ada@example.org
mkdir -p /var/lib/secrets/v1alpha1
cp -a build/static2/ /srv/www
unzip -P "$PASS" x.zip
sqlcmd -S db -U sa -P $SA_PASSWORD
redis-cli -a "$REDIS_PASSWORD"
echo "$PASSWORD" | sudo -S ls
echo "root:$PASS" | chpasswd
helm install web . --set auth.password=$PASSWORD
kubectl create secret generic db --from-literal=password="$PASSWORD"
kubectl create secret generic db --from-file=password.txt
secretKeyRef: {name: db-credentials-v1, key: password}
          secretName: web-tls-2024a
        - name: DB_PASSWORD
name: DB_PASSWORD, value: ""
{"name": "password", "value": ""}
{"name": "password", "type": "string", "value": "string"}
{"key": "token", "value": "{{token}}"}
{"name": "page_token", "in": "query", "required": false}
  GITHUB_TOKEN: ${{ github.token }}
  password: ${{ secrets.PYPI_API_TOKEN }}
uses: actions/checkout@8f4b7f84864484a7bf31766abe9204da3cbe65b3
secure: "${{ steps.keys.outputs.token2 }}"
variable "db_password" { type = string }
resource "random_password" "db" { length = 16 }
ENV DB_PASSWORD=""
ARG NPM_TOKEN
RUN --mount=type=secret,id=npm_token_v1 npm ci
jdbc:postgresql://db:5432/shop?sslmode=require&user=ada
jdbc:mysql://db/shop?user=${user}&password=${password}
Server=.;Database=shop;Trusted_Connection=True;
User ID=sa;Password={0};
<password>${env.PASSWORD}</password>
<property name="password" value="${db.password}"/>
<string name="password_hint">At least 8 characters</string>
<add key="PasswordLength" value="12345678"/>
minPasswordLength: 8
password_min_length=8
password_reset_timeout = 259200
PASSWORD_RESET_TIMEOUT_DAYS = 3
max_tokens: 4096
max_tokens=16384
"max_completion_tokens": 128000
tokens_per_minute_v2: 90000
token_count = len(tokens)
tokens = text.split()
tokens = ["BOS1", "EOS2", "PAD3"]
special_tokens = ["<|endoftext|>", "<|im_start|>"]
pad_token_id = 50256
tokenizer("facebook/opt-125m")
tokenizer = "cl100k_base"
const { password, token } = req.body
type Props = { password: string; apiKey?: string }
interface Login { password: string, token: Token2FA }
public string Password { get; set; }
private final PasswordEncoder passwordEncoder = new BCryptPasswordEncoder();
String password = scanner.nextLine();
password := os.Getenv("DB_PASSWORD")
let password = std::env::var("DB_PASSWORD").unwrap();
$password = $_POST['password'];
$password = Read-Host -AsSecureString
password <- readline("Password: ")
password = System.get_env("DB_PASSWORD")
password = ENV.fetch("DB_PASSWORD")
my $password = shift;
if (password.length < 8) return "password-too-short-8";
throw new Error("Invalid password (code 4012)");
logger.info("password changed for user=%s id=%d", user, id2)
print("password:", password)
pass `dtype=np.float64` to silence this
pass "--strict=1" to the compiler
pass 'accept_downloads=True'
you can pass `spec=True` here
secretly "hidden2day"
the compass: N47E008
bypass: "string?"
"password": "string?"
"passphrase": "string?",
self.validate_passwords("new_password1", "new_password2")
field_order = ["old_password", "new_password1", "new_password2"]
private_key: PKCS7PrivateKeyTypes,
"subject_token_type": _X509_SUBJECT_TOKEN_TYPE,
"max_tokens_per_1_minute": max_tokens_per_1_minute,
"message/global-disposition-notification": ["u8mdn"],
'glyph-orientation-vertical',
password = password.encode("latin1")
token = r"[-!#$%&'*+.^_`|~0-9a-zA-Z]+"
('authtoken', '0002_auto_20160226_1747'),
"""splituser('user[:passwd]@host[:port]') --> 'user[:passwd]', 'host[:port]'."""
"x-amz-content-sha256", "x-amz-security-token"
Cookie: sessionid=<id>; csrftoken=<token>
Set-Cookie: session=deleted; Max-Age=0
response.set_cookie("session", token)
AUTH PLAIN <base64>
https://example.org/?token=TOKEN&key=KEY
https://example.org/reset/MQ/set-password/
https://fonts.example/css2?family=Inter:wght@400;700
git@github.com:ada/site.git
ssh://git@github.com:22/ada/site.git
https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX
AKIAXXXXXXXXXXXXXXXX
eyJhbGciOi is how a signed token begins
arn:aws:iam::123456789012:role/deploy-2024
pw = getpass.getpass()
pw: String
const pw = document.getElementById("pw1").value
psk = os.environ["PSK"]
senha = request.form["senha"]
"senha": "Senha",
auth=("user", "pass")
auth=(settings.USER, settings.PASSWORD)
HTTPBasicAuth("user", "password")
HTTPBasicAuth(user, os.environ["PASSWORD"])
new NetworkCredential(user, password)
credentials("github-app-v2", "owner/name2")
parser.add_argument("--password", default=None, help="at least 8 chars")
parser.add_argument("--token", default=os.environ.get("TOKEN"))
"password".encode("utf-8").hex()
driver.find_element(By.ID, "password").send_keys(password)
cy.get("#password").type(Cypress.env("password"))
cy.get("#password").should("have.attr2", "type")
Use "python3.11" as the interpreter and a token.
Use `sha256` as the secret's digest
"utf-8" == token.encoding2
if "=" == token:
fill_in "Password", with: user.password
<b>Password:</b> at least 8 characters
<p>Password: <code>string</code></p>
Password &rarr; Confirm2
password -> password2
password → hash2
password - min. 8 chars, 1 digit
password - see https://example.org/p4ssw0rd
API key - see docs/api2
mnemonic = "MOV"
PrivateKey = <private key>
PrivateKey = $(cat key1.pem)
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
kind: SecretProviderClass
kind: SecretStore
data: {"password": null}
ghp_ is how the tokens of GitHub begin; sk- those of OpenAI
MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo
'''.strip("\n").splitlines()
BLOCKS = [
    "def login(\n    user, password,\n    host1, port22x8\n):",
    "user, password\nhost_a, port_b\n",
    "import (\n    password, token\n    sha256x, base64y8\n)",
    "| user | password |\n|---|---|\n| ada | <password> |\n",
    "| Setting | Token |\n|---|---|\n| DEBUG | see OAuth2Login |\n",
    "name,password\nada,secret\nbob,********\n",
    "user,password\n%s,%s\n",
    "kind: Secret\ndata:\n  password: {{ .Values.password | b64enc }}\n",
    "kind: Secret\nmetadata:\n  name: db-credentials-2024x9\n  labels:\n    app: web1server2a\n",
    "kind: Deployment\ndata:\n  url: R3I0bml0ZSFIb2xsb3c3Nw==\n",
    "kind: ConfigMap\ndata:\n  smtp: mail.example.org:5872\n",
    "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: db-credentials-v12\n      key: password\n",
    "- name: TOKEN_URL\n  value: https://example.org/o4uth2/t0ken\n",
    "- name: PASSWORD_FILE\n  value: /run/secrets/p4ssw0rd\n",
    'variable "db_password" {\n  type = string\n  description = "The password of db1"\n}',
    'variable "db_password" {\n  type = string\n}\nvariable "zone" {\n  default = "eu-central-1a"\n}',
    'messages = (\n    "The password "\n    "must have 8 characters"\n)',
    'raise ValueError("no token" \n    "in-line2")',
    'KINDS = [\n    "token",\n    "password1",\n    "x509certificate2"\n]',
    'a = "sk-"\nb = "the_name_of_a_thing_2"\n',
    'if "PRIVATE KEY" in text:\n    return "---- BEGIN SSH2 PRIVATE KEY ----" + body',
    "---- BEGIN SSH2 PUBLIC KEY ----\nAAAAB3NzaC1yc2EAAAABJQAAAQEAhcp9Z3m5hV0\n---- END SSH2 PUBLIC KEY ----",
]
