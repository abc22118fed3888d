# The whole menu: `make help`. A bare machine needs only Python 3.11 or 3.12 with venv, git and make.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
# caches of compiled modules halve the time of every start
unexport PYTHONDONTWRITEBYTECODE
# a shell in another environment must not decide what is imported here
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

PY := .venv/bin/python
LAUNCH := $(PY) -m deploy.local
# settings of the running platform, for the commands that talk to it
IN_RUN = test -f .run/env || { echo "平台没有运行：先执行 make run。 Nothing is running: make run first."; exit 1; }; . ./.run/env; unset PYTHONPATH;

.PHONY: help
help: ## 本菜单 this menu
	@printf '\n  make 目标 target\n\n'
	@awk -F ':.*## ' '/^# == /{printf "  %s\n", substr($$0, 6)} /^[a-z-]+:.*## /{printf "    %-18s %s\n", $$1, $$2}' Makefile
	@printf '\n  端口 ports: make run PG_PORT=… AIRFLOW_PORT=… SUPERSET_PORT=… SANDBOX_PORT=…\n'
	@printf '  真实数据源等设置写入 .env（NAME=value） settings of your own, such as real sources: .env\n\n'

# == 平台 the platform
.PHONY: run stop status logs psql clean env
run: env ## 构建环境、启动全部进程、首次采集并发布；再次执行则继续 build, start, first load; again: continue
	@$(LAUNCH) up
stop: main-env ## 停止全部进程，数据保留 stop everything, data stay
	@$(LAUNCH) stop
status: main-env ## 每个进程一行：状态、健康、地址 one line a process
	@$(LAUNCH) status
logs: main-env ## 日志；P=进程名 只看一个，F=1 持续跟随 logs; P=name for one, F=1 to follow
	@$(LAUNCH) logs $(if $(P),--process "$(P)") $(if $(F),--follow)
psql: main-env ## 以 operator 角色打开数据仓库 the warehouse in psql
	@$(LAUNCH) psql
clean: main-env ## 停止并删除全部状态与数据 stop, then delete all state and data
	@$(LAUNCH) clean
env: ## 按锁文件构建两个 Python 环境 both Python environments, from the lock
	@sh deploy/local/environments.sh main superset
.PHONY: main-env
main-env:
	@sh deploy/local/environments.sh main

# == 数据 data
.PHONY: sources release-list rollback dashboards dashboards-check
sources: main-env ## 各数据源的状态 state of every source
	@$(IN_RUN) $(PY) -m ingestion status
release-list: main-env ## 已发布与暂缓的版本 releases, published and held
	@$(IN_RUN) $(PY) -m warehouse releases
rollback: main-env ## 回到上一个版本；TO=版本号 可指定 back to the release before; TO=id for a certain one
	@$(IN_RUN) $(PY) -m warehouse rollback $(if $(TO),--to $(TO))
dashboards: env ## 把 superset/assets 部署到运行中的 Superset deploy the dashboards
	@$(IN_RUN) .venv-superset/bin/python superset/deploy.py assets
dashboards-check: main-env ## 离线检查看板引用的表与列 check the dashboards without a server
	@$(PY) superset/check.py

# == 开发 development
.PHONY: test lint format bench browser
test: browser env ## 全部测试，自带端口与状态文件夹 all tests, with ports and state of their own; T=tests/unit for some
	@.venv/bin/python -m pytest $(T)
lint: main-env ## 代码风格、类型、SQL、密钥检查 style, types, SQL, secrets
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/sqlfluff lint dbt_project
	@git ls-files -z | grep -zvE '^(uv\.lock|\.secrets\.baseline)$$' | xargs -0 .venv/bin/detect-secrets-hook --baseline .secrets.baseline
format: main-env ## 自动整理代码与 SQL 格式 rewrite code and SQL into the house style
	@.venv/bin/ruff check --fix --quiet . || true
	@.venv/bin/ruff format .
	@.venv/bin/sqlfluff fix --quiet dbt_project
bench: bench-env ## 性能基准，与同类工具对比 benchmarks beside other tools
	@$(PY) -m benchmarks
.PHONY: bench-env
bench-env:
	@sh deploy/local/environments.sh bench
browser: # the browser tests need a Chromium and Chinese fonts
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1 && \
	  [ -n "$$(fc-list :lang=zh 2>/dev/null | head -n 1)" ] || { \
	  echo "测试需要 Chromium 与中文字体，请先执行 The tests need Chromium and Chinese fonts; install them with:"; \
	  echo "sudo apt-get update && sudo apt-get install -y chromium fonts-noto-cjk fontconfig"; exit 1; }
