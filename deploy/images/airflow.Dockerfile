# Airflow and the pipeline: api-server, scheduler, dag-processor, triggerer, workers, set-up and sandbox.
# Built from the lock. No container engine has built this file yet; see docker-compose.yml.
FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/venv
WORKDIR /build
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --group platform --group pipeline --group airflow --group server

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /state airflow \
 && install -d -o airflow -g airflow -m 0750 /state
COPY --from=build /opt/venv /opt/venv
# the code belongs to root: the services can read it and not change it
COPY . /app
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    STATE_DIR=/state AIRFLOW_HOME=/state/airflow AIRFLOW__CORE__DAGS_FOLDER=/app/dags
WORKDIR /app
USER airflow
VOLUME /state
