#!/usr/bin/env bash
# Lays out what is installed below a folder, from a build with the Swift runtime linked in (`make dist` makes both):
#
#   scripts/package.sh <programs> <prefix> <version>
#
# bin/, share/man, completions of bash, zsh and fish, share/doc/distlog with the contract, rules and a systemd unit.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=$1 prefix=$2 version=$3
for program in distlogd distlog-client; do
  [ -x "$programs/$program" ] || { echo "package: there is no $programs/$program; run \"make dist\"" >&2; exit 1; }
done

put() { # <mode> <file> <where below the prefix>
  install -D -m "$1" "$2" "$prefix/$3"
}

for program in distlogd distlog-client; do
  put 755 "$programs/$program" "bin/$program"
  strip "$prefix/bin/$program"
  install -d "$prefix/share/bash-completion/completions" "$prefix/share/zsh/site-functions" \
    "$prefix/share/fish/vendor_completions.d"
  "$programs/$program" --generate-completion-script bash >"$prefix/share/bash-completion/completions/$program"
  "$programs/$program" --generate-completion-script zsh >"$prefix/share/zsh/site-functions/_$program"
  "$programs/$program" --generate-completion-script fish >"$prefix/share/fish/vendor_completions.d/$program.fish"
done
page() { # <program> <section>
  install -d "$prefix/share/man/man$2"
  "$programs/$1" --experimental-dump-help | python3 scripts/man.py "$1" "$2" "$version" | gzip -9n \
    >"$prefix/share/man/man$2/$1.$2.gz"
}
page distlogd 8
page distlog-client 1
documents=share/doc/distlog
for file in LICENSE README.md CHANGELOG.md SECURITY.md; do put 644 "$file" "$documents/$file"; done
for file in docs/*.md; do put 644 "$file" "$documents/$file"; done
for file in log health status reflection; do put 644 "Protos/$file.proto" "$documents/Protos/$file.proto"; done
put 644 certs/policy.csv "$documents/policy.csv"
put 644 scripts/distlogd.service "$documents/distlogd.service"
