#!/bin/sh
# Build the Python environments from the lock: `environments.sh [main] [superset] [bench]`, several side by side.
# Needs Python 3.11 or 3.12 with venv, and git; uv comes from PyPI into .uv. Nothing is done twice: a stamp holds the
# hash of the lock.
set -eu
cd "$(dirname "$0")/../.."
UV_VERSION=0.13.9
NEEDED_MB=3000

say() { printf '%s\n' "$@" >&2; }
fail() { say "✗ $1" "  $2"; exit 1; }

command -v git >/dev/null 2>&1 || fail "缺少 git：请先安装，例如 apt-get install git。" "git is missing: install it, e.g. apt-get install git."

python=""
for candidate in "${PYTHON:-}" python3.12 python3.11 python3; do
  [ -n "$candidate" ] || continue
  if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12)})' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || fail "需要 Python 3.11 或 3.12：请安装，或用 make PYTHON=/路径/python3.11 run 指明。" \
  "Python 3.11 or 3.12 is needed: install one, or name it with make PYTHON=/path/to/python3.11 run."
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "这个 Python 没有 venv：请执行 apt-get install python3-venv。" \
  "This Python has no venv: apt-get install python3-venv."
"$python" -c 'import os, sys; sys.exit(any(c in os.getcwd() for c in ":;#%$\"\\?*`" + chr(39)))' ||
  fail "路径 $(pwd) 含有特殊字符：请把项目移到不含 : ; # % \$ 引号的文件夹。" \
    "The path holds special characters: move the clone to a folder without : ; # % \$ or quotes."

version=$("$python" -c 'import platform; print(platform.python_version())')
hash=$(git hash-object uv.lock pyproject.toml | tr '\n' ' ')$version

folder_of() { if [ "$1" = superset ]; then echo .venv-superset; else echo .venv; fi; }
is_ready() { # an environment with the benchmark's peers serves as the main one too
  stamp=$(folder_of "$1")/.stamp
  [ -x "$(folder_of "$1")/bin/python" ] && [ -f "$stamp" ] || return 1
  case "$1" in
    main) [ "$(cat "$stamp")" = "$hash main" ] || [ "$(cat "$stamp")" = "$hash bench" ] ;;
    *) [ "$(cat "$stamp")" = "$hash $1" ] ;;
  esac
}

wanted=""
for name in "${@:-main}"; do is_ready "$name" || wanted="$wanted $name"; done
[ -n "$wanted" ] || exit 0

free=$(df -Pm . | awk 'NR == 2 { print $4 }')
[ "$free" -ge "$NEEDED_MB" ] || fail "磁盘空间不足：只剩 ${free} MB，安装需要 ${NEEDED_MB} MB，请腾出空间后重试。" \
  "The disk is full: ${free} MB are left, ${NEEDED_MB} MB are needed; free some space and try again."

offline() {
  fail "下载软件包失败：请检查网络，或设置镜像 UV_DEFAULT_INDEX 与 PIP_INDEX_URL 后重试。" \
    "Packages could not be downloaded: check the network, or name a mirror in UV_DEFAULT_INDEX and PIP_INDEX_URL."
}

if [ "$(.uv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$UV_VERSION" ]; then
  say "→ 安装 uv $UV_VERSION  installing uv"
  rm -rf .uv
  "$python" -m venv .uv
  .uv/bin/pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" >&2 || offline
fi

export UV_PYTHON_DOWNLOADS=never UV_PYTHON="$python" UV_NO_PROGRESS=1 UV_LINK_MODE="${UV_LINK_MODE:-hardlink}"
sync() {
  began=$(date +%s)
  target=$(folder_of "$1")
  rm -f "$target/.stamp"
  case "$1" in
    main) set -- main ;;
    bench) set -- bench --group bench ;;
    superset) set -- superset --no-default-groups --group superset ;;
  esac
  name=$1
  shift
  UV_PROJECT_ENVIRONMENT=$target .uv/bin/uv sync --quiet --frozen "$@" || return 1
  printf '%s' "$hash $name" >"$target/.stamp"
  say "✓ 环境 environment $target  $(($(date +%s) - began)) s"
}

say "→ 构建 Python 环境（首次需下载约 600 MB） building the environments (the first time downloads some 600 MB):$wanted"
jobs_=""
for name in $wanted; do
  sync "$name" &
  jobs_="$jobs_ $!"
done
for job in $jobs_; do wait "$job" || offline; done
