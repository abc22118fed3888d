#!/bin/sh
# What must be there before the services start; every step may be repeated.
set -eu
mkdir -p /state/airflow /state/landing /state/dbt/target /state/dbt/logs
python -m deploy.warehouse_setup
airflow db migrate
# does nothing when the account exists; afterwards its password is changed in Airflow
airflow users create --username admin --role Admin --firstname admin --lastname admin --email admin@localhost \
  --password "$AIRFLOW_ADMIN_PASSWORD"
for source in ingestion/sources/*.yml; do
  airflow pools set "source_$(basename "$source" .yml)" 1 "one run of a source at a time"
done
airflow pools set build 1 "one build at a time"
python -m warehouse parse
