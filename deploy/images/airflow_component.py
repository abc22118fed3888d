"""Health check of one Airflow component, for containers: `airflow_component.py scheduler`.

Asks the api-server, which knows each component's heartbeat, instead of starting Airflow's command line each time.
"""

import json
import os
import sys
import urllib.request

with urllib.request.urlopen(f"{os.environ['AIRFLOW_URL']}/api/v2/monitor/health", timeout=8) as answer:  # noqa: S310
    component = json.load(answer)[sys.argv[1]]
sys.exit(component["status"] != "healthy")
