#!/bin/sh
# Makes the development certificates in a folder (default: certs): a CA, node1-3, root and nobody.
#
#   scripts/certs.sh [FOLDER]
#
# Keys are P-256 and readable by their owner only. What is there and good is kept, so a second run changes
# nothing; what is missing, expired or about to (7 days), or signed by another CA, is made anew. Every file
# appears under its name only when it is complete.
set -eu
umask 077

source=$(CDPATH= cd -- "$(dirname -- "$0")/../certs" && pwd)
folder=${1:-$source}
ca_days=3650
days=825
renew_seconds=$((7 * 24 * 3600))
work=

mkdir -p "$folder"
cd "$folder"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
work=$(mktemp -d ./.new-XXXXXX)

fail() {
  echo "certs: $*" >&2
  exit 1
}

command -v openssl >/dev/null || fail "the openssl command is missing; run \`make deps\`"

# lasting FILE: there, readable as a certificate, and not about to expire
lasting() {
  [ -s "$1" ] && openssl x509 -in "$1" -noout -checkend "$renew_seconds" >/dev/null 2>&1
}

# matching CERTIFICATE KEY: the key is the certificate's
matching() {
  [ -s "$2" ] || return 1
  of_certificate=$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null) || return 1
  of_key=$(openssl pkey -in "$2" -pubout 2>/dev/null) || return 1
  [ "$of_certificate" = "$of_key" ]
}

# A pair is moved key first: a certificate beside an older key is seen as mismatch and made again.
publish() {
  chmod 600 "$work/$1-key.pem"
  chmod 644 "$work/$1.pem"
  mv -f "$work/$1-key.pem" "$1-key.pem"
  mv -f "$work/$1.pem" "$1.pem"
  echo "certs: made $1.pem and $1-key.pem"
}

new_key() {
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null ||
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null ||
    fail "openssl could not make a P-256 key"
}

authority() {
  if lasting ca.pem && matching ca.pem ca-key.pem; then return; fi
  new_key "$work/ca-key.pem"
  openssl req -x509 -new -sha256 -config "$source/ca.cnf" -key "$work/ca-key.pem" \
    -days "$ca_days" -out "$work/ca.pem" || fail "openssl could not make the CA"
  publish ca
}

# leaf NAME CONFIGURATION
leaf() {
  if lasting "$1.pem" && matching "$1.pem" "$1-key.pem" &&
    openssl verify -CAfile ca.pem "$1.pem" >/dev/null 2>&1; then return; fi
  new_key "$work/$1-key.pem"
  openssl req -new -sha256 -config "$source/$2" -subj "/O=distlog development/CN=$1" \
    -key "$work/$1-key.pem" -out "$work/$1.csr" || fail "openssl could not request $1"
  openssl x509 -req -sha256 -in "$work/$1.csr" -CA ca.pem -CAkey ca-key.pem \
    -set_serial "0x$(openssl rand -hex 16 | sed 's/^./4/')" -days "$days" \
    -extfile "$source/$2" -extensions extensions -out "$work/$1.pem" 2>"$work/log" ||
    fail "openssl could not sign $1: $(cat "$work/log")"
  publish "$1"
}

# For `curl --config certs/curl.conf`, from any folder.
curl_configuration() {
  here=$(pwd)
  cat >"$work/curl.conf" <<END
# Made by scripts/certs.sh: calls as root, trusts the development CA.
cacert = "$here/ca.pem"
cert = "$here/root.pem"
key = "$here/root-key.pem"
END
  if cmp -s "$work/curl.conf" curl.conf; then return; fi
  mv -f "$work/curl.conf" curl.conf
}

authority
for name in node1 node2 node3; do leaf "$name" node.cnf; done
for name in root nobody; do leaf "$name" client.cnf; done
curl_configuration
