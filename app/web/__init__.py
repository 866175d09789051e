"""The HTTP edge: one Flask application, one folder per dialect."""

from flask import Flask
from flask_apscheduler import APScheduler
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx

from app.adapters.migrations import FOLDER
from app.adapters.secrets import derive
from app.bootstrap import Services
from app.web import (
    assets,
    auth,
    control,
    database,
    dhis2,
    health,
    hosts,
    latest,
    metrics,
    openspecimen,
    pages,
    requests_log,
    scheduler_app,
    security,
    sunbird,
    unknown,
    v1,
)

TEMPLATES = str(FOLDER.parent / "templates")
STATIC = str(FOLDER.parent / "static")
MAX_BODY = 1_000_000  # bytes


def create_app(services: Services) -> Flask:
    """Build the application around the services; starts nothing."""
    app = Flask("carillon", template_folder=TEMPLATES, static_folder=STATIC)
    attach(app, services)
    Htmx(app)
    APScheduler(scheduler=services.timer.scheduler).init_app(app)
    Migrate(app, database.shared(app, services.db), directory=str(FOLDER))
    csrf = CSRFProtect(app)
    for part in (auth, security, unknown, health, metrics, assets, scheduler_app):
        part.init_app(app)
    for dialect in (dhis2, openspecimen, sunbird, control, v1):
        for blueprint in dialect.blueprints():
            csrf.exempt(blueprint)  # they take no forms; `security` refuses other origins
            app.register_blueprint(blueprint)
    app.register_blueprint(latest.blueprint)
    app.register_blueprint(pages.blueprint())
    return app


def attach(app: Flask, services: Services) -> None:
    """Let the application serve these services. Its routes depend on nothing of theirs but ``dhis2_app_dir``."""
    app.config.from_mapping(_configuration(services))
    app.extensions["carillon"] = services
    guarded = hosts.AllowedHosts(Flask.wsgi_app.__get__(app), services.settings, control.serves)
    logged = requests_log.RequestLog(guarded, writes=services.settings.access_log)
    app.wsgi_app = logged  # type: ignore[method-assign]


def _configuration(services: Services) -> dict[str, object]:
    return {
        "SECRET_KEY": derive(services.key, "cookies"),
        "SESSION_COOKIE_NAME": "carillon",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": MAX_BODY,
        "MAX_FORM_MEMORY_SIZE": MAX_BODY,
        "MAX_FORM_PARTS": 200,
        "WTF_CSRF_TIME_LIMIT": None,  # a form may stay open over lunch: the token ends with the session
        "WTF_CSRF_SSL_STRICT": False,
        "SQLALCHEMY_DATABASE_URI": services.db.url,
        "SCHEDULER_JOBSTORES": {"default": services.timer.store},
        "SCHEDULER_TIMEZONE": "UTC",
        # Flask-APScheduler's REST API runs any function that a caller names. Off for ever, pinned by a test.
        "SCHEDULER_API_ENABLED": False,
        "SCHEDULER_VIEWS_ENABLED": False,
    }
