"""Write `production.env` for docker-compose.yml: every secret made here, none has a default.

`python3 deploy/production_env.py [path]`, Python 3.11 without any package. An existing file is never overwritten.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from deploy.local.settings import new_secrets, secrets_text, write_private

SOURCES = sorted(path.stem for path in (Path(__file__).resolve().parents[1] / "ingestion" / "sources").glob("*.yml"))
HEAD = f"""# 生产环境的设置与密钥，权限 0600，切勿提交。 Settings and secrets of production; never commit.
# 各数据源地址 address of each source: ftp://…, https://…, s3://…, file:///…
{"".join(f"AIRFLOW_CONN_SRC_{source.upper()}={chr(10)}" for source in SOURCES)}# 对外地址 the address that people use
AIRFLOW_PUBLIC_URL=http://127.0.0.1:18080
# 在 TLS 代理之后设为 1 set to 1 behind a TLS proxy
SUPERSET_COOKIE_SECURE=0
# Postgres: postgres
"""


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "production.env")
    if path.exists():
        sys.exit(f"{path} 已存在，未改动。 It exists and was left alone.")
    write_private(path, HEAD + f"PG_SUPERUSER_PASSWORD={secrets.token_urlsafe(24)}\n\n" + secrets_text(new_secrets()))
    print(f"{path} (0600)：填写各数据源地址 AIRFLOW_CONN_SRC_… 后即可使用。 Fill in the addresses AIRFLOW_CONN_SRC_….")


if __name__ == "__main__":
    main()
