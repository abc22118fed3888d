"""Sources, landing, loading and the command line. Never imports Airflow, dbt or Great Expectations."""
