"""Django's settings, the same for the web applications, the worker and the command line."""

import hmac
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from headwater.site.config import Process, load
from headwater.site.logs import logging_settings

CONFIG = load()
#: Rooms read the operator's settings as ``django.conf.settings.HEADWATER``.
HEADWATER = CONFIG
BASE = Path(__file__).resolve().parent.parent

_key_file = CONFIG.secrets / "django-secret-key"
# Without a data directory (makemigrations, --help) nothing is signed: a throw-away key will do.
MASTER_KEY = _key_file.read_text().strip() if _key_file.exists() else "unset-" + "0" * 50
# Each process signs with a key of its own, so that what one signs (sessions, form tokens) no other takes.
SECRET_KEY = hmac.new(MASTER_KEY.encode(), b"signing " + CONFIG.process.value.encode(), "sha256").hexdigest()
DEBUG = False

#: Which of the web applications this process serves; the desk's where it serves none.
_WEB = (Process.PORTAL, Process.CARRIER, Process.PUBLIC)
WEB_APPLICATION = CONFIG.process.value if CONFIG.process in _WEB else Process.DESK.value
#: Address at which people reach this application, such as https://portal.example; it decides hosts and cookies.
PUBLIC_URL = os.environ.get("HEADWATER_PUBLIC_URL", "")
_public = urlsplit(PUBLIC_URL)
#: Application -> address at which people reach it: links in mails lead there, whatever a request called us.
SITE_URLS = {process.value: CONFIG.url(process) for process in (Process.DESK, Process.PORTAL, Process.CARRIER)}
_https = _public.scheme == "https"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *([_public.hostname] if _public.hostname else [])]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"] if _public.hostname else []
if _https:
    # Set only where a proxy in front speaks TLS: it must set this header itself and drop what the client sent.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "procrastinate.contrib.django",
    "headwater.audit",
    "headwater.outbox",
    "headwater.accounts",
    "headwater.providers",
    "headwater.connectors",
    "headwater.uploads",
    "headwater.signers",
    "headwater.campaigns",
    "headwater.tracebacks",
    "headwater.trends",
    "headwater.conduct",
    "headwater.alerts",
    "headwater.reports",
    "headwater.retention",
    "headwater.cases",
    "headwater.legal",
    "headwater.evidence",
    "headwater.relief",
    "headwater.publication",
    "headwater.web",
]

MIDDLEWARE = [
    "headwater.web.middleware.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "headwater.web.middleware.SessionUse",
    "headwater.web.middleware.ErrorPages",
]

#: The public pages know nobody: no session, no cookie, no form.
PUBLIC_MIDDLEWARE = [
    "headwater.web.middleware.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Its library insists on it wherever it is installed; without accounts it does nothing.
    "allauth.account.middleware.AccountMiddleware",
    "headwater.web.middleware.ErrorPages",
]
if CONFIG.process is Process.PUBLIC:
    MIDDLEWARE = PUBLIC_MIDDLEWARE

ROOT_URLCONF = f"headwater.web.{WEB_APPLICATION}.urls"

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
                "headwater.web.shell.context",
            ],
        },
    },
]

_url = urlsplit(CONFIG.database_url or "postgresql://headwater_admin@/headwater")
_options = dict(part.split("=", 1) for part in _url.query.split("&") if part)
DATABASES: dict[str, dict[str, Any]] = {
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
if CONFIG.process in (Process.DESK, Process.PORTAL, Process.CARRIER, Process.PUBLIC, Process.CALLS):
    # Requests run in threads of their own; the pool bounds how many connections they hold together.
    DATABASES["default"]["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 10, "timeout": 10}}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    # NIST SP 800-63B-4, 3.1.1.2: at least 15 characters where a password is the only factor; here it never is.
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "headwater.accounts.breaches.BreachedPassword"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "headwater.accounts.sign_in.SignIn"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
# Seconds after which acts of weight (permissions.FRESH_TO_ACT) and changes of factors ask again who one is.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
# Wrong passwords and wrong codes: 10 a minute from an address, 5 in five minutes for an account.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reauthenticate": "10/m/user",
    # One-time links: opened and sent; new passwords asked for; codes of the second check of contact; single sign-on.
    "link": "20/m/ip",
    "forgotten": "5/m/ip,3/h/key",
    "contact_code": "10/m/ip,10/5m/key",
    "single_sign_on": "20/m/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("HEADWATER_TRUSTED_PROXIES", "0"))
MFA_ADAPTER = "headwater.accounts.second_factor.SecondFactor"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1

# Counters of the rate limits and used codes: in the database, so that they hold over restarts and between processes
# of one application; a table an application, because a cache entry is a pickle and must come from oneself.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": f"web_cache_{WEB_APPLICATION}",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

if CONFIG.process is Process.PUBLIC:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

SESSION_ENGINE = "headwater.accounts.sessions"
# Cookies know no ports: three applications on one host need three names. Over https a browser takes a name that begins
# so from this very host alone (RFC 6265bis section 4.1.3.2): no neighbour under the same domain can plant one. Without
# https no browser takes it at all, so that plain loopback goes without.
_COOKIES = f"{'__Host-' if _https else ''}hw_{WEB_APPLICATION}"
SESSION_COOKIE_NAME = _COOKIES
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_NAME = f"{_COOKIES}_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _https
CSRF_FAILURE_VIEW = "headwater.web.failures.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# A subpoena is a scanned PDF: bodies up to 64 MiB (site.web), of which no more than 2.5 MiB stays in memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 10
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE / "web" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
LOGGING = logging_settings(CONFIG.process.value)
