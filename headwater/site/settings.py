"""Django's settings, the same for the three web applications, the worker and the command line."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from headwater.site.config import Process, load

CONFIG = load()
#: Rooms read the operator's settings as ``django.conf.settings.HEADWATER``.
HEADWATER = CONFIG
BASE = Path(__file__).resolve().parent.parent

_key_file = CONFIG.secrets / "django-secret-key"
# Without a data directory (makemigrations, --help) nothing is signed: a throw-away key will do.
SECRET_KEY = _key_file.read_text().strip() if _key_file.exists() else "unset-" + "0" * 50
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "procrastinate.contrib.django",
    "headwater.audit",
    "headwater.accounts",
    "headwater.providers",
    "headwater.campaigns",
    "headwater.tracebacks",
    "headwater.alerts",
    "headwater.legal",
    "headwater.evidence",
    "headwater.web",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = {
    Process.PORTAL: "headwater.web.portal.urls",
    Process.CARRIER: "headwater.web.carrier.urls",
}.get(CONFIG.process, "headwater.web.desk.urls")

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

_url = urlsplit(CONFIG.database_url or "postgresql://headwater_admin@/headwater")
_options = dict(part.split("=", 1) for part in _url.query.split("&") if part)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.lstrip("/") or "headwater",
        "USER": unquote(_url.username or ""),
        "PASSWORD": unquote(_url.password or ""),
        # A socket folder travels as ?host=/folder, as libpq writes it.
        "HOST": unquote(_options.get("host", _url.hostname or "")),
        "PORT": str(_url.port or ""),
    },
}

AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE / "web" / "static"]
WHITENOISE_USE_FINDERS = True
