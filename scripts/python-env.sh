#!/bin/sh
# Makes .tools/venv: the Python packages that tests compare with. Does nothing when they are there.
set -eu
cd "$(dirname "$0")/.."

# grpcio-tools 1.85.1 takes protobuf 7.
packages="grpcio==1.85.1 grpcio-tools==1.85.1 grpcio-reflection==1.85.1 protobuf==7.36.2 h2==4.4.1 cryptography==48.0.0"
venv=.tools/venv

# The stamp holds what was installed, and so is out of date when the line above changes.
if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/packages" 2>/dev/null)" = "$packages" ]; then
  exit 0
fi

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  echo "python-env: python3 has no venv module; run 'make deps', or install python3-venv" >&2
  exit 1
fi
rm -rf "$venv"
mkdir -p .tools
python3 -m venv "$venv"
# shellcheck disable=SC2086 # a list of words
"$venv/bin/pip" install --quiet --disable-pip-version-check $packages
printf '%s\n' "$packages" >"$venv/packages"
