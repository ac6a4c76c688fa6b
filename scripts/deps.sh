#!/usr/bin/env bash
# Installs the system packages that are missing: `deps.sh run` for what building and running needs,
# `deps.sh test` for what tests and checks need besides. Says nothing and changes nothing when all is there.
set -euo pipefail

scope=${1:-test}
case $scope in run | test) ;; *) echo "usage: $0 run|test" >&2; exit 64 ;; esac

missing=()
# need <package> <command...>: the package is missing when the command fails.
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}
has() { command -v "$1"; }
library() { pkg-config --exists --print-errors "$1"; }
# protoc comes without google/protobuf/*.proto, which it looks for beside its own installation.
well_known_protos() { test -f "$(dirname "$(dirname "$(command -v protoc)")")/include/google/protobuf/any.proto"; }
python_makes_environments() { python3 -c 'import venv, ensurepip'; }

has swift >/dev/null || {
  echo "deps: there is no swift command. Install Swift 6.2 or later from https://www.swift.org/install/linux/" >&2
  exit 69
}

find_missing() {
  missing=()
  need pkg-config has pkg-config
  need libssl-dev library 'openssl >= 3.0'
  need libnghttp2-dev library 'libnghttp2 >= 1.43'
  need openssl has openssl
  if [ "$scope" = test ]; then
    need libprotobuf-c-dev library libprotobuf-c
    need protobuf-c-compiler has protoc-c
    need protobuf-compiler has protoc
    need libprotobuf-dev well_known_protos
    need curl has curl
    need gcc has cc
    need e2fsprogs has mkfs.ext4
    need iproute2 has ip
    need nghttp2-client has nghttp
    need python3 has python3
    need python3-venv python_makes_environments
  fi
}

find_missing
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || {
  echo "deps: missing: ${missing[*]} (Debian's names). There is no apt-get here: install them by hand." >&2
  exit 69
}
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root=(sudo)
  else
    echo "deps: missing: ${missing[*]}. Neither root nor able to use sudo; let an administrator run:" >&2
    echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 77
  fi
fi

echo "deps: installing ${missing[*]}"
apt_get() {
  # ${a[@]+"${a[@]}"}: an empty array is unbound for older bash.
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o Dpkg::Use-Pty=0 "$@"
}
apt_get update
apt_get install -y --no-install-recommends "${missing[@]}" >/dev/null

find_missing
[ ${#missing[@]} -eq 0 ] || {
  echo "deps: still missing after the installation: ${missing[*]}. This system's version may be too old." >&2
  exit 69
}
