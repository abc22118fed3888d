# Superset, in an environment of its own from the same lock.
# Built from the lock. No container engine has built this file yet; see docker-compose.yml.
FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/venv
WORKDIR /build
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --group superset

FROM python:3.11-slim-bookworm
RUN useradd --uid 10002 --user-group --no-create-home --home-dir /state superset \
 && install -d -o superset -g superset -m 0750 /state
COPY --from=build /opt/venv /opt/venv
COPY superset /app/superset
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SUPERSET_HOME=/state SUPERSET_CACHE_DIR=/state/cache SUPERSET_CONFIG_PATH=/app/superset/superset_config.py
WORKDIR /state
USER superset
VOLUME /state
CMD ["gunicorn", "--preload", "--workers", "2", "--worker-class", "gthread", "--threads", "8", "--timeout", "120", \
     "--bind", "0.0.0.0:8088", "superset.app:create_app()"]
