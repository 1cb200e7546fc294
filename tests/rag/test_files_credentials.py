import time

import pytest

from rag import files
from rag.files import credentials, names
from rag.sources import TreeEntry

# One line a kind.
HELD = """
.env .env.local .env.production .env-production .env_prod .env.bak .env~ app/.env prod.env docker.env env.production
env.local .envrc .flaskenv .dev.vars .dev.vars.production .envs/.production/.django vendor/.env
wp-config.php wp-config.php.bak wp-config.php~ wp-config.local.php LocalSettings.php sites/default/settings.php
config/initializers/secret_token.rb
.npmrc .yarnrc .yarnrc.yml .pypirc pip.conf auth.json .composer/auth.json nuget.config .m2/settings.xml
.cargo/credentials .cargo/credentials.toml .gem/credentials .gradle/gradle.properties local.properties key.properties
keystore.properties
appsettings.Production.json appsettings.Staging.json appsettings.local.json local.settings.json
terraform.tfvars terraform.tfvars.json prod.tfvars example.tfvars prod.auto.tfvars.json terraform.tfstate
terraform.tfstate.backup .terraformrc .terraform.d/credentials.tfrc.json
gcp-key.json deploy_key.json api.key.json keys.json keyfile.json my-service-account.json client_secret_12.json
x-firebase-adminsdk-1.json google-services.json GoogleService-Info.plist
secrets/prod.json secrets/db_password secrets/db.txt config/secrets/a/b.yaml .secrets/x.ini credentials/production.toml
credentials credentials.json credentials.yml.enc secrets.yml SECRETS.YML secrets.prod.yml secrets-prod.json
secrets.json.old app_secrets.yaml secret.yaml aws_credentials password.txt passwords.json token.json .token
api_key.txt github-token.txt auth_tokens.yml .secrets .vault-token vault_pass.txt .vault_password
.aws/credentials .aws/config .azure/accessTokens.json .config/gh/hosts.yml .config/hub .config/gcloud/x.db
.docker/config.json .dockercfg .dockerconfigjson pull.dockerconfigjson kubeconfig kubeconfig.yaml prod-kubeconfig
kubeconfig-prod .kube/config .kube/prod.yml
.ssh/config id_rsa id_rsa.bak id_ed25519 id_ecdsa_sk deploy_ed25519 server.pem server.pem.bak tls/private.key a.p12
db.kdbx release.keystore krb5.keytab example.pem
.env1 .env.d/production #.env# deploy_key ssh_host_rsa_key ssh/host_key signing-key
.netrc .git-credentials .htpasswd .pgpass .my.cnf .s3cfg .boto .bash_history .psql_history .vscode/sftp.json rclone.conf
"""
ONLY_SOUNDING_SO = """
config.php app/config.php settings.php wp-config-sample.php configuration.php
.env.example app/.env.sample .env-example .env.production.example .env.template .env.dist example.env env.py env.ts
env.sh .environment deploy_key.py host_keys.go environment.json src/env.d.ts .dev.vars.example
secrets.py src/credentials.py secrets.go keys.py key.py token.py token.go tokens.json password.html passwords.php
kubeconfig.go kubeconfig_test.go secrets/manager.py secrets/__init__.py secrets/vault.go credentials/Api.credentials.ts
secrets.example.yml secrets.sample.json secrets.json.example secrets.schema.json credentials.json.dist
appsettings.json appsettings.Development.json appsettings.Example.json settings.json settings.xml config.json
terraform.tfvars.example main.tf variables.tf secrets.tf package.json tsconfig.json
monkey.json turkey.json keyboard.json keymap.json author.json oauth.json design-tokens.json tokenizer.json
.github/workflows/secrets-scan.yml hosts.yml .config/hosts.yml gradle.properties docker/config.json
templates/environment.yml
"""


@pytest.mark.parametrize("path", HELD.split())
def test_files_that_may_hold_credentials_are_left_out(path: str) -> None:
    assert names.reason(path) == "credentials"
    assert names.reason(path, ["-linguist-vendored", "-linguist-generated", "-linguist-documentation"]) == "credentials"


@pytest.mark.parametrize("path", [".env - Copy", ".env (2)", "app/.env copy"])
def test_copies_that_a_desktop_makes_are_left_out(path: str) -> None:
    assert names.reason(path) == "credentials"


@pytest.mark.parametrize("path", ONLY_SOUNDING_SO.split())
def test_files_that_only_sound_like_credentials_are_read(path: str) -> None:
    assert names.reason(path) == ""


def test_a_picture_of_a_key_is_a_picture() -> None:
    assert [names.reason(path) for path in ("password.svg", "secrets/logo.png")] == ["binary", "binary"]


def test_every_name_is_written_in_lower_case() -> None:
    known = credentials._NAMES | credentials._EXTENSIONS | credentials._FOLDERS
    assert known == {name.lower() for name in known}


@pytest.mark.parametrize("name", ["-" * 1_000, "secrets." * 120, ".bak" * 250, "key_" * 250, "a.example" * 110])
def test_a_long_name_takes_no_time(name: str) -> None:
    started = time.thread_time()
    credentials.are_in(name)
    assert time.thread_time() - started < 0.05


def test_a_selection_says_so() -> None:
    entry = TreeEntry(path="wp-config.php", mode="100644", blob_sha="1" * 40, size=10)
    limits = files.Limits(file_bytes=50, files=9, text_bytes=90)
    _, (skipped,) = files.select([entry], {}, "", limits)
    assert skipped.reason == "credentials"
