"""The site: who is answered, what it is made of, where it keeps things, what browsers and admins are told."""

import environ
from django.core.exceptions import ImproperlyConfigured

from config import database, local_postgres, logs, mail
from config.settings.place import BASE_DIR, env

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY") or ("only-for-this-computer" * 3 if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Set it to 50 random characters; on your own computer set DEBUG=true."
    )

# Who is answered. Render tells a service its own address.
RENDER_HOST = env.text("RENDER_EXTERNAL_HOSTNAME")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]") if DEBUG else ())
ALLOWED_HOSTS += [RENDER_HOST] if RENDER_HOST else []
_origins = () if DEBUG else tuple(f"https://{host}" for host in ALLOWED_HOSTS)
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", _origins)

# What it is made of
INSTALLED_APPS = [
    "portfolio.apps.OwnerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "portfolio.apps.PortfolioConfig",
    "rag",
]
MIDDLEWARE = [
    "config.middleware.connection.ConnectionMiddleware",
    "config.middleware.request_ids.RequestIdMiddleware",
    "config.middleware.head.HeadMiddleware",
    "config.middleware.size.SizeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.csp.ContentSecurityPolicyMiddleware",
    "config.middleware.nul.NulMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.middleware.csp.csp_nonce",
                "portfolio.context.owner",
            ],
        },
    },
]

# Where it keeps things. PostgreSQL is the only store; without DATABASE_URL a development start brings its own.
DATABASE_URL = env.text("DATABASE_URL")
_local_postgres_dir = env.text("LOCAL_POSTGRES_DIR")
LOCAL_POSTGRES_DIR = local_postgres.data_dir(BASE_DIR, _local_postgres_dir) if DEBUG and not DATABASE_URL else None
if LOCAL_POSTGRES_DIR:
    _database = local_postgres.database_settings(LOCAL_POSTGRES_DIR)
elif DATABASE_URL:
    _database = environ.Env.db_url_config(DATABASE_URL)
else:
    raise ImproperlyConfigured(
        "DATABASE_URL is not set. Name a PostgreSQL with pgvector: postgresql://user:password@host/name."
    )
DATABASE_STATEMENT_TIMEOUT = env.number("DATABASE_STATEMENT_TIMEOUT", 30)  # seconds; see config/database.py
_given = _database.get("OPTIONS", {})
_database["OPTIONS"] = {
    **database.PATIENCE,
    **_given,
    **database.options(_given, database.limits_of_all(DATABASE_STATEMENT_TIMEOUT)),
    # min_size 0: a command that needs one connection opens one.
    "pool": {"min_size": 0, "max_size": env.whole("DATABASE_POOL_SIZE", 8, minimum=2), "timeout": 10},
}
_database["ENGINE"] = "config.postgresql"
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_named_by_content = "whitenoise.storage.CompressedManifestStaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "portfolio.storage.DatabaseStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else _named_by_content},
}
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]

TIME_ZONE = env.text("TIME_ZONE", "UTC")
LANGUAGE_CODE, USE_TZ = "en-us", True

# What the browser is told. The content security policy is in config/middleware/csp.py.
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
_prefix = "" if DEBUG else "__Host-"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_prefix}sessionid", f"{_prefix}csrftoken"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# Only behind a proxy that sets the header itself, as Render's does.
if env.flag("TRUST_FORWARDED_PROTO", bool(RENDER_HOST)):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
NUM_PROXIES = env.whole("NUM_PROXIES", 1 if RENDER_HOST else 0)

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {"ask": env.text("RAG_ASK_RATE", "20/min")},
    "NUM_PROXIES": NUM_PROXIES,
}
# Front ends that live elsewhere. They come without cookies, and reach the JSON doors only.
CORS_ALLOWED_ORIGINS = env.words("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_METHODS = ("GET", "POST", "OPTIONS")
CORS_ALLOW_HEADERS = ("accept", "content-type")
CORS_EXPOSE_HEADERS = ("Retry-After",)
SPECTACULAR_SETTINGS = {"TITLE": "Docent", "DESCRIPTION": "Projects, and answers about their code.", "VERSION": "1"}

# Who is told, once a day, when most of a budget is used up
ADMINS = [(address, address) for address in env.words("ADMINS")]
globals().update(mail.parsed(env.text("EMAIL_URL", "dummymail://")))
SERVER_EMAIL = env.text("SERVER_EMAIL", "docent@localhost")  # who writes to them

LOG_FORMAT = env.one_of("LOG_FORMAT", "line" if DEBUG else "json", ("json", "line"))
LOGGING_CONFIG = "config.logs.configure"
LOGGING = logs.settings(LOG_FORMAT, env.text("LOG_LEVEL", "INFO"))
