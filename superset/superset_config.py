"""Superset's settings. Every address and secret comes from the environment; secrets have no default.

Needed: SUPERSET_SECRET_KEY, SUPERSET_DB_URI (Superset's own tables), SUPERSET_CACHE_DIR. Superset reads this file
through SUPERSET_CONFIG_PATH. Optional: SUPERSET_COOKIE_SECURE=1 behind TLS.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, request

HERE = Path(__file__).resolve().parent


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"{name} is not set: run `. .run/env` first. 未设置环境变量 {name}，请先执行 `. .run/env`。")
    return value


SECRET_KEY = _required("SUPERSET_SECRET_KEY")  # encrypts the stored passwords: `deploy.py assets` again after a change
SQLALCHEMY_DATABASE_URI = _required("SUPERSET_DB_URI")
SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 10}

# --- language, clock, numbers
APP_NAME = "东丽区知识产权规划监测"
LANGUAGES = {"zh": {"flag": "cn", "name": "中文"}, "en": {"flag": "us", "name": "English"}}
BABEL_DEFAULT_LOCALE = "zh"
BABEL_DEFAULT_TIMEZONE = "Asia/Shanghai"
D3_FORMAT = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["¥", ""]}
_months = [f"{month}月" for month in range(1, 13)]
D3_TIME_FORMAT = {
    "dateTime": "%Y年%-m月%-d日 %X",
    "date": "%Y-%m-%d",
    "time": "%H:%M:%S",
    "periods": ["上午", "下午"],
    "days": ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"],
    "shortDays": ["周日", "周一", "周二", "周三", "周四", "周五", "周六"],
    "months": _months,
    "shortMonths": _months,
}

# --- looks
_FONTS = "'Noto Sans CJK SC', 'Source Han Sans SC', 'Microsoft YaHei', 'PingFang SC', sans-serif"
_LOGO = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'><rect width='24' height='24' rx='4' fill='#1d4f8c'/>"
    "<path d='M5 18V11h3v7zM10.5 18V7h3v11zM16 18v-9h3v9z' fill='#fff'/></svg>"
)
APP_ICON = "data:image/svg+xml," + quote(_LOGO)
FAVICONS = [{"href": APP_ICON}]
LOGO_TOOLTIP = APP_NAME
LOGO_RIGHT_TEXT = APP_NAME
THEME_DEFAULT: dict[str, Any] = {
    "algorithm": "default",
    "token": {
        "brandAppName": APP_NAME,
        "brandLogoAlt": APP_NAME,
        "brandLogoUrl": APP_ICON,
        "brandLogoMargin": "18px 0",
        "brandLogoHref": "/superset/dashboard/overview/",
        "brandLogoHeight": "24px",
        "brandIconMaxWidth": 37,
        "colorPrimary": "#1d4f8c",
        "colorLink": "#1d4f8c",
        "colorError": "#b3261e",
        "colorWarning": "#a35c00",
        "colorSuccess": "#1b6e3c",
        "colorInfo": "#1d4f8c",
        "fontUrls": [],
        "fontFamily": _FONTS,
        "fontFamilyCode": "'Noto Sans Mono CJK SC', Consolas, monospace",
        "transitionTiming": 0.1,
        "fontSizeXS": "10",
        "fontSizeXXL": "28",
        "fontWeightNormal": "400",
        "fontWeightLight": "300",
        "fontWeightStrong": "500",
        "fontWeightBold": "700",
        "colorEditorSelection": "#fff5cf",
    },
}
THEME_DARK = None  # the pages are made to be printed
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "dongli",
        "description": "told apart in grey print and by colour-blind readers",
        "label": "东丽",
        "isDefault": True,
        "colors": ["#1d4f8c", "#e08e0b", "#3f9b8c", "#8c4a7d", "#6b7785", "#a3b8d1"],
    }
]

# --- what the server does and does not do
FEATURE_FLAGS = {
    "ALERT_REPORTS": False,
    "ALLOW_ADHOC_SUBQUERY": False,
    "DASHBOARD_RBAC": True,
    "DASHBOARD_VIRTUALIZATION": False,  # a page that is printed or photographed must be whole
    "EMBEDDED_SUPERSET": False,
    "ENABLE_JAVASCRIPT_CONTROLS": False,
    "ENABLE_TEMPLATE_PROCESSING": False,
}
ENABLE_UI_THEME_ADMINISTRATION = False
AUTH_USER_REGISTRATION = False
PUBLIC_ROLE_LIKE = None
PREVENT_UNSAFE_DB_CONNECTIONS = True
ROW_LIMIT = 10_000
SQL_MAX_ROW = 100_000
SQLLAB_TIMEOUT = 60
SUPERSET_WEBSERVER_TIMEOUT = 65  # a little over the readers' statement timeout
SCARF_ANALYTICS = False
WTF_CSRF_ENABLED = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = os.environ.get("SUPERSET_COOKIE_SECURE") == "1"
PERMANENT_SESSION_LIFETIME = timedelta(hours=12)
RATELIMIT_STORAGE_URI = "memory://"

# --- caches on disk: no Redis on one machine. Live views opt out in their dataset (cache_timeout: -1).
_CACHE_DIR = Path(_required("SUPERSET_CACHE_DIR"))


def _cache(name: str, seconds: int) -> dict[str, Any]:
    return {
        "CACHE_TYPE": "FileSystemCache",
        "CACHE_DIR": str(_CACHE_DIR / name),
        "CACHE_DEFAULT_TIMEOUT": seconds,
        "CACHE_THRESHOLD": 2000,
        "CACHE_KEY_PREFIX": f"{name}_",
    }


CACHE_CONFIG = _cache("metadata", 300)
DATA_CACHE_CONFIG = _cache("data", 60)
FILTER_STATE_CACHE_CONFIG = _cache("filters", 86_400)
EXPLORE_FORM_DATA_CACHE_CONFIG = _cache("explore", 86_400)

# --- the browser may talk to this server and to nobody else; Superset's bundle carries a tracking pixel
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "default-src": ["'self'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'self'"],
        "object-src": ["'none'"],
        "connect-src": ["'self'"],
        "font-src": ["'self'", "data:"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "style-src": ["'self'", "'unsafe-inline'"],
        # Handlebars compiles its templates in the browser; they come from the tree, and their output is sanitised
        "script-src": ["'self'", "'strict-dynamic'", "'unsafe-eval'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,  # TLS ends at the proxy in front
    "session_cookie_secure": SESSION_COOKIE_SECURE,
    "referrer_policy": "same-origin",
}
HTML_SANITIZATION = True
HTML_SANITIZATION_SCHEMA_EXTENSIONS = {"attributes": {"*": ["className", "style"]}}

# --- Chinese labels that Superset lacks or has wrong ("Sign in" as "Not In"): laid over its own language pack
_OVERLAY = HERE / "translations" / "zh.json"


def _lay_over(response: Response) -> Response:
    arguments = request.view_args or {}
    if request.endpoint != "Superset.language_pack" or arguments.get("lang") != "zh" or response.status_code != 200:
        return response
    response.direct_passthrough = False
    pack = json.loads(response.get_data())
    pack["locale_data"]["superset"].update({key: [text] for key, text in json.loads(_OVERLAY.read_text()).items()})
    response.set_data(json.dumps(pack, ensure_ascii=False))
    for header in ("ETag", "Last-Modified"):  # they describe the file without the overlay
        response.headers.pop(header, None)
    response.headers["Cache-Control"] = "private, max-age=60"
    return response


def FLASK_APP_MUTATOR(app: Flask) -> None:
    """Called by Superset with the finished application."""
    app.after_request(_lay_over)
