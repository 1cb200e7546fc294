"""Which files are named like those that hold passwords, tokens or private keys.

A program called secrets.py is code and is read; what is left out is data under such a name, and the few programs whose
very purpose is to hold a password. No attribute brings one back.
"""

import re

from rag.files import languages


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What stands for the real file and is to be filled in: .env.example, secrets.sample.yml, example.env.
_TO_FILL_IN = re.compile(
    r".+[._-](examples?|samples?|templates?|dist|defaults?|schema|tpl)|(example|sample|template)[._-].+|"
    r".+[._-](example|sample|template|dist|schema)\.(json|ya?ml|toml|ini|properties|xml|php|env|txt|conf|cfg)"
)
_STAGE = r"(prod|production|staging|stage|dev|develop|development|test|testing|qa|live|local|release|ci)"
_BACKUP = re.compile(r"(.+?)(\.(bak|backup|old|orig|save|copy|swp|tmp|enc|\d)|~)")

_NAMES = _words(
    ".netrc _netrc .npmrc .yarnrc .yarnrc.yml .pypirc pip.conf pip.ini .condarc .git-credentials .htpasswd htpasswd "
    ".pgpass pgpass.conf .my.cnf .mylogin.cnf .dockercfg .dockerconfigjson .s3cfg .s3curl .boto .passwd-s3fs .passwd "
    ".terraformrc terraform.rc .flaskenv .curlrc .wgetrc .authinfo .msmtprc .esmtprc .fetchmailrc .ftpconfig "
    ".remote-sync.json sftp.json sftp-config.json ws_ftp.ini sitemanager.xml filezilla.xml recentservers.xml "
    "rclone.conf ngrok.yml robomongo.json .erlang.cookie auth.json local.settings.json nuget.config "
    "settings-security.xml google-services.json googleservice-info.plist local.properties service-account.json "
    "credentials.yml.enc secrets.yml.enc wp-config.php localsettings.php secret_token.rb"
)
_EXTENSIONS = _words(
    "pem key p12 pfx p8 pk8 pkcs8 pkcs12 pvk jks keystore keytab keychain kdbx kdb psafe3 ppk ovpn tfstate tfvars tfrc "
    "agekey gpg pgp asc crt cer der csr p7b jceks mobileprovision provisionprofile"
)
_PATTERNS = re.compile(
    rf"\.envrc([._-].+)?|#?\.env([^a-z].*)?|env\.{_STAGE}|.+\.env|\.dev\.vars(\..+)?|wp-config[.-].+\.php|"
    r"appsettings\.(?!development\.).+\.json|.*\.tfvars\.json|.*\.tfrc\.json|.*\.tfstate\..*|"
    r".*client_secret.*\.json|.*service[-_]?account.*\.json|.*firebase-adminsdk.*\.json|"
    r"(.*[-_.])?keys?(file)?\.json|\..+_history|"
    r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?([._-].+)?|.*_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.dockerconfigjson|"
    r"ssh_host_\w+_key|(deploy|ssh|host|server|signing|master|encryption|private)[-_]?key"
)
# Data only: kubeconfig.go and passwords.py are programs.
_DATA_PATTERNS = re.compile(
    r"([\w.-]*[-_.])?kube-?config([-_.][\w.-]+)?|\.?vault[-_]?pass(word)?(\.txt)?|\.?vault-token|"
    r"(key|keystore|signing|release)\.properties|\.?(auth|access|refresh|bearer|api)?[-_]?token(\.(json|txt|ya?ml))?|"
    r"\.?([\w.-]*[-_.])?(passwords?|passwd|secrets?|credentials?|creds|api[-_]?keys?|private[-_]?keys?|"
    rf"(auth|access|refresh|bearer|oauth|api|bot|git(hub|lab)|npm|slack|deploy)[-_]?tokens?)([-_.]{_STAGE})?(\.\w+)?"
)
_PATHS = re.compile(
    r"(^|/)(\.envs/.+|\.env\.d/.+|\.aws/(credentials|config)|\.azure/.+|"
    r"\.docker/config\.json|\.kube/(config|.+\.ya?ml)|\.ssh/.+|\.gnupg/.+|"
    r"\.m2/settings\.xml|\.gem/credentials|\.bundle/config|\.gradle/gradle\.properties|\.subversion/auth/.+|"
    r"\.config/(gh/hosts\.ya?ml|hub|gcloud/.+|glab-cli/config\.yml|doctl/config\.yaml|configstore/.+)|"
    r"\.fly/config\.yml|\.netlify/config\.json|sites/[^/]+/settings(\.local)?\.php)$"
)
_FOLDERS = _words("secrets .secrets secret .secret credentials .credentials creds .creds")
_DATA_LANGUAGES = _words("json json5 jsonc yaml toml ini properties xml") | {""}
_SHOWN = _words("md markdown mdx rst adoc asciidoc org svg png jpg jpeg gif webp ico")


def are_in(path: str) -> bool:
    """Whether the file at `path` (lower case) is to be taken for one that holds credentials."""
    folder, slash, name = path.rpartition("/")
    if _extension(name) in _EXTENSIONS:
        return True
    if _TO_FILL_IN.fullmatch(name):
        return False
    if _is_data(name) and not _FOLDERS.isdisjoint(folder.split("/")):
        return True
    backup = _BACKUP.fullmatch(name)
    return any(_is_named_so(folder + slash + known, known) for known in (name, backup[1] if backup else name))


def _is_named_so(path: str, name: str) -> bool:
    return (
        name in _NAMES
        or _extension(name) in _EXTENSIONS
        or bool(_PATTERNS.fullmatch(name) or _PATHS.search(path))
        or (_is_data(name) and bool(_DATA_PATTERNS.fullmatch(name)))
    )


def _is_data(name: str) -> bool:
    """Whether no program, page or picture is called so."""
    return languages.of_name(name) in _DATA_LANGUAGES and _extension(name) not in _SHOWN


def _extension(name: str) -> str:
    return name.rpartition(".")[2] if "." in name else ""
