#!/bin/sh
# Installs dstack-agent on this host, joins it to a coordinator and keeps it running.
#
#   curl -fsSL URL/install.sh | sh -s -- --token TOKEN
#
# Safe to run again: it upgrades the program and keeps the host's identity. Proxies are taken from the usual
# variables (https_proxy, http_proxy, no_proxy). The coordinator is known by the authorities of the system, by those
# in --ca-file, or by the one whose fingerprint the join token carries.
set -eu

usage() {
  cat <<'EOF'
Usage: install.sh [--url URL] [--token TOKEN] [options]

  --url URL          the coordinator (default: the one that served this script)
  --token TOKEN      join token; needed once (or DSTACK_JOIN_TOKEN in the environment)
  --ca-file FILE     authorities (PEM) to know the coordinator by (or DSTACK_CA_FILE in the environment)
  --runtime NAME     docker, process or auto (default: auto, docker where an engine answers)
  --name NAME        what the host is called in its fleet (default: its host name)
  --program FILE     a dstack-agent-TARGET.gz that is here already, instead of a download; with --sum SHA256 it is checked
  --bin-dir DIR      where the program goes (default: /usr/local/bin, or /opt/bin where that is read-only; without
                     root ~/.local/bin)
  --state-dir DIR    identity, journal and logs (default: /var/lib/dstack-agent; without root ~/.local/state)
  --no-start         install and join only
  --image            for a disk that is to be copied: install, and join at each copy's first start, as a host of its own
  --uninstall        end the agent and its jobs and remove everything that this script made
                     (with the --state-dir of the installation, if it had one)
  --help             this text
EOF
}

# The coordinator puts its own address here when it serves this file.
default_url='@DSTACK_URL@'

say() { printf '%s\n' "$*"; }

# fail MESSAGE [REMEDY]
fail() {
  printf 'install.sh: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  %s\n' "$2" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" -eq 0 ]; }

# --- What kind of host ----------------------------------------------------------------------------------------

builds="There are builds for Linux on x86_64 (glibc or musl) and arm64 (glibc)"

# find_libc LOADERS-OF-GLIBC: by the loader that programs for this processor name. A glibc host may carry musl's loader
# too; then the glibc build is the right one. A 32-bit system under a 64-bit kernel has neither.
find_libc() {
  for loader in "$@"; do
    [ ! -e "$loader" ] || { say glibc; return; }
  done
  for loader in /lib/ld-musl-*.so.*; do
    [ ! -e "$loader" ] || { say musl; return; }
  done
  fail "Cannot install: this system has neither glibc nor musl for $machine in the usual place" \
    "$builds; a 32-bit system, also under a 64-bit kernel, has to be set up anew as a 64-bit one"
}

# is_older VERSION VERSION, of two numbers each
is_older() {
  awk -v a="$1" -v b="$2" 'BEGIN { split(a, x, /[^0-9]/); split(b, y, /[^0-9]/)
    exit !(x[1] + 0 < y[1] + 0 || (x[1] + 0 == y[1] + 0 && x[2] + 0 < y[2] + 0)) }'
}

# The oldest that the program can be loaded by.
oldest_glibc=2.17
require_glibc() {
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null || true)
  glibc=${glibc##* }
  [ -z "$glibc" ] || ! is_older "$glibc" "$oldest_glibc" ||
    fail "Cannot install: the glibc of this system is $glibc, and $oldest_glibc or newer is needed" \
      "Upgrade the system; every one since 2014 has it (RHEL 7, Debian 8, Ubuntu 14.04)"
}

# The oldest that everything works on; some of it works on older ones.
oldest_kernel=5.4

find_target() {
  [ "$(uname -s)" = Linux ] || fail "Cannot install on $(uname -s): dstack-agent runs on Linux" "$builds"
  machine=$(uname -m)
  case "$machine" in
    x86_64 | amd64)
      libc=$(find_libc /lib64/ld-linux-x86-64.so.* /lib/ld-linux-x86-64.so.* /lib/*/ld-linux-x86-64.so.*)
      if [ "$libc" = musl ]; then
        say linux-x64-musl
      elif grep -qw avx2 /proc/cpuinfo; then
        say linux-x64
      else
        say linux-x64-baseline
      fi
      ;;
    aarch64 | arm64)
      libc=$(find_libc /lib/ld-linux-aarch64.so.* /lib64/ld-linux-aarch64.so.* /lib/*/ld-linux-aarch64.so.*)
      [ "$libc" = glibc ] || fail "Cannot install: there is no build for $machine with musl" "$builds"
      say linux-arm64
      ;;
    *) fail "Cannot install: there is no build for $machine" "$builds" ;;
  esac
}

find_init() {
  if ! is_root; then
    # A service manager of the user's own, where somebody is logged in or lingers.
    if [ -S "${XDG_RUNTIME_DIR:-/nowhere}/systemd/private" ] && has systemctl; then say systemd-user; else say none; fi
  elif [ -d /run/systemd/system ]; then
    say systemd
  elif [ -d /run/openrc ] && has rc-service; then
    say openrc
  else
    say none
  fi
}

# --- Where it may go ------------------------------------------------------------------------------------------

# The nearest folder that is there.
nearest() {
  near=$1
  while [ ! -d "$near" ]; do near=${near%/*}; : "${near:=/}"; done
  (cd -P "$near" && pwd -P)
}

# is_mounted FOLDER OPTION: whether the file system that it is on, or will be on, has an option, as `ro` and `noexec`.
is_mounted() {
  awk -v dir="$(nearest "$1")/" -v wanted="$2" '
    { at = $2 == "/" ? "/" : $2 "/" }
    index(dir, at) == 1 && length(at) >= best { best = length(at); options = "," $4 "," }
    END { exit !index(options, "," wanted ",") }
  ' /proc/mounts 2>/dev/null
}

# require_writable FOLDER OPTION-THAT-NAMES-ANOTHER
require_writable() {
  ! is_mounted "$1" ro || fail "Cannot install into $1: it is on a read-only file system" \
    "Make it writable (mount -o remount,rw), or name a folder on another one with $2"
}

# require_room FOLDER MIB
require_room() {
  has df || return 0
  free=$(df -Pk "$(nearest "$1")" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')
  [ "${free:-$2}" -ge "$2" ] || fail "The disk is full: $free MiB are free for $1, and $2 MiB are needed" \
    "Make room there, and run this again"
}

# The program, what it is packed in, and one more of it for upgrades.
program_mib=300
# Identity and journal; what jobs write is looked at by `dstack-agent doctor`.
state_mib=16

# Before anything is changed or downloaded.
require_places() {
  before=$(installed_bin_dir)
  [ -z "$before" ] || [ "$before" = "$bin_dir" ] || [ ! -e "$before/dstack-agent" ] ||
    fail "This host has the program in $before already, not in $bin_dir" "Leave --bin-dir out, or use --uninstall first"
  require_writable "$bin_dir" --bin-dir
  ! is_mounted "$bin_dir" noexec || fail "Cannot run programs from $bin_dir: it is mounted noexec" \
    "Allow it (mount -o remount,exec), or name a folder on another file system with --bin-dir"
  require_writable "$state_dir" --state-dir
  require_room "$state_dir" "$state_mib"
  [ "$start" = yes ] && [ "$init" != none ] || return 0
  for place in $(service_places); do
    ! is_mounted "$place" ro || fail "Cannot set up the service: $place is on a read-only file system" \
      "Make it writable (mount -o remount,rw), or install with --no-start and have $bin run started in another way"
  done
}

service_places() {
  if [ "$init" = openrc ]; then say "${rc_script%/*}"; else say "${unit%/*}"; fi
  say "${env_file%/*}"
}

# Some systems have all of /usr read-only, and /opt for what is added.
find_bin_dir() {
  if ! is_root; then
    say "$HOME/.local/bin"
  elif is_mounted /usr/local/bin ro && ! is_mounted /opt/bin ro; then
    say /opt/bin
  else
    say /usr/local/bin
  fi
}

# Of an installation that is there: the marker says where its program is.
installed_bin_dir() { sed -n 's/^bin_dir=//p' "$marker" 2>/dev/null || true; }

# --- Download -------------------------------------------------------------------------------------------------

# fetch URL FILE
fetch() {
  if has curl; then
    curl -fsSL --connect-timeout 15 --retry 3 ${ca_file:+--cacert "$ca_file"} -o "$2" "$1" ||
      fail "Cannot download $1" "$download_remedy"
  elif has wget; then
    wget -q -T 15 ${ca_file:+--ca-certificate="$ca_file"} -O "$2" "$1" ||
      fail "Cannot download $1" "$download_remedy"
  fi
}

require_downloader() {
  has curl || has wget || fail "Cannot download: neither curl nor wget is installed" \
    "Install one of them; or bring $url/artifacts/dstack-agent-$target.gz here, and name it with --program"
}

# Small wgets take any certificate, and say nothing: what they bring cannot be trusted where there is one to check.
require_checking() {
  has curl || ! has wget || wget --help 2>&1 | grep -q -- --ca-certificate ||
    fail "Cannot check the coordinator's certificate: this wget is not able to" "Install curl and run this again"
}

# SHA-256 of the first certificate in FILE itself (DER), as the join token has it.
fingerprint_of() {
  sed '/-----/d' "$1" >"$work/body"
  if has base64; then base64 -d <"$work/body"; else openssl base64 -d -in "$work/body"; fi >"$work/der" 2>/dev/null ||
    fail "Cannot read the coordinator's certificate: neither base64 nor openssl is installed" "Install coreutils"
  sum_of "$work/der"
}

# Asks the coordinator, over a connection that is not to be trusted, for the authority that it is known by, and takes
# only the certificate that the join token names: $ca_file holds it and nothing else.
fetch_authority() {
  if has curl; then
    curl -fsSk --connect-timeout 15 --retry 3 -o "$work/authorities" "$url/authorities.pem"
  else
    wget -q -T 15 --no-check-certificate -O "$work/authorities" "$url/authorities.pem"
  fi || fail "Cannot download $url/authorities.pem" "$download_remedy"
  mkdir "$work/split"
  awk -v dir="$work/split" '
    /^-----BEGIN CERTIFICATE-----/ { count++; inside = 1 }
    inside && count <= 20 { print > (dir "/" count) }
    /^-----END CERTIFICATE-----/ { inside = 0 }
  ' "$work/authorities"
  for candidate in "$work/split"/*; do
    [ -e "$candidate" ] || continue
    [ "$(fingerprint_of "$candidate")" != "$fingerprint" ] || { ca_file=$candidate; return; }
  done
  fail "$url is not the coordinator that this join token is of" \
    "Its certificate's authority has another fingerprint. If address and token are right, somebody is between"
}

# SHA-256 of "abc" (FIPS 180-4), by which an openssl that was made without it is told.
abc_sum=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad

find_sum_tool() {
  # The one that uses what processors have for it takes a third of the others' time, or less.
  if has openssl && [ "$(printf abc | openssl dgst -sha256 -r 2>/dev/null | cut -d ' ' -f 1)" = "$abc_sum" ]; then
    say openssl
  elif has sha256sum; then
    say sha256sum
  elif has shasum; then
    say shasum
  else
    fail "Cannot verify the download: no sha256sum, shasum or openssl is installed" \
      "Install coreutils (or openssl) and run this again"
  fi
}

sum_of() {
  case "$sum_tool" in
    sha256sum) sha256sum <"$1" ;;
    shasum) shasum -a 256 <"$1" ;;
    openssl) openssl dgst -sha256 -r <"$1" ;;
  esac | cut -d ' ' -f 1
}

# expected_sum FILE_NAME, from SHA256SUMS ("<sum>  <name>" a line)
expected_sum() { awk -v name="$1" '$2 == name { print $1; exit }' "$work/SHA256SUMS"; }

# Puts the coordinator's program for this host, packed, at $packed; nothing, if it is $bin already.
download() {
  require_downloader
  download_remedy="Is $url the coordinator, and reachable from this host?"
  case "$url" in
    https:*)
      download_remedy="$download_remedy Is its certificate good, and the clock here ($(date -u +'%F %T') UTC)?"
      require_checking
      [ -z "$fingerprint" ] || fetch_authority
      ;;
  esac
  fetch "$url/artifacts/SHA256SUMS" "$work/SHA256SUMS"
  program="dstack-agent-$target"
  if [ -x "$bin" ] && [ "$(sum_of "$bin")" = "$(expected_sum "$program")" ]; then
    say "$bin is up to date"
    packed=
    return
  fi
  # Where the host can, and the coordinator has it: smaller, and unpacked in a quarter of the time.
  suffix=gz
  if has zstd && [ -n "$(expected_sum "$program.zst")" ]; then suffix=zst; fi
  expected=$(expected_sum "$program.$suffix")
  [ -n "$expected" ] || fail "The coordinator has no $program" \
    "Build it with: bun run build --target $target, and put dist/ beside the coordinator"
  require_room "$bin_dir" "$program_mib"
  say "Downloading $program"
  packed=$work/agent.$suffix
  fetch "$url/artifacts/$program.$suffix" "$packed"
}

# unpack FILE
unpack() {
  case "$1" in
    *.zst) zstd -dcq "$1" ;;
    *) gzip -dc "$1" ;;
  esac
}

# What an earlier run of this script has left: it was cut off, or is still at it where nobody sees it any more, as after
# a lost connection. Then the newest one goes on, alone.
end_earlier() {
  for earlier in "$bin_dir"/.dstack-agent.*; do
    [ -d "$earlier" ] || continue
    pid=$(cat "$earlier/pid" 2>/dev/null || true)
    if [ -n "$pid" ] && [ "$(began "$pid")" = "$(cat "$earlier/began" 2>/dev/null || true)" ]; then
      say "Ending an earlier installation that is under way: process $pid"
      end_processes "$pid"
    fi
    rm -rf "$earlier"
  done
}

# began PID: when it has begun, as the kernel counts, so that no other process is taken for it; nothing: it is over.
began() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# Puts the right program at $bin. It is staged in the destination's own folder: /tmp may forbid to run programs,
# and a rename within one file system replaces a running program at once.
install_binary() {
  mkdir -p "$bin_dir" || fail "Cannot create $bin_dir" "Make it, writable for $(id -un), or name another with --bin-dir"
  end_earlier
  work=$(mktemp -d "$bin_dir/.dstack-agent.XXXXXX") ||
    fail "Cannot write to $bin_dir" "Make it writable for $(id -un), or name another folder with --bin-dir"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM
  # Nobody reads what is said any more: the connection is lost.
  trap 'exit 141' PIPE
  { began $$ >"$work/began" && say $$ >"$work/pid"; } ||
    fail "Cannot write to $bin_dir" "Is the disk full? Make room there, and run this again"

  if [ -n "$given" ]; then
    [ -r "$given" ] || fail "Cannot read $given" "--program names a dstack-agent-$target.gz of this host"
    require_room "$bin_dir" "$program_mib"
    program=$given
    packed=$given
    expected=${given_sum:-$(sum_of "$given")}
  else
    download
    [ -n "$packed" ] || return 0
  fi
  actual=$(sum_of "$packed")
  [ "$actual" = "$expected" ] || fail "The download is damaged: SHA-256 is $actual, not $expected" \
    "Run this again; if it stays, something between this host and $url changes what is downloaded"
  unpack "$packed" >"$work/agent" ||
    fail "Cannot unpack ${packed##*/} into $bin_dir" "Is the disk full? Make room there, and run this again"
  chmod 755 "$work/agent"
  status=0
  version=$("$work/agent" version 2>"$work/errors") || status=$?
  case "$status" in
    0) ;;
    126) fail "Cannot run programs from $bin_dir: $(head -n 1 "$work/errors")" \
      "Something forbids it (a noexec mount, SELinux, AppArmor, fapolicyd): allow it, or name another folder with --bin-dir" ;;
    132) fail "$program does not run on this processor" \
      "It lacks what the build needs (AVX2, or SSE4.2 without it): in a virtual machine, pass the host's processor through" ;;
    *) fail "$program does not run here (exit status $status): $(head -n 1 "$work/errors")" "$run_remedy" ;;
  esac
  mv -f "$work/agent" "$bin"
  say "Installed $bin ($version)"
}

# --- Services -------------------------------------------------------------------------------------------------

# It tells when it is up, and that it is alive: one that hangs is started again. Jobs outlive it (KillMode), and it is
# started again for ever, but for the ends that a restart cannot mend: 3, a newer agent has this host's identity (a
# cloned disk); 4, the host is in no fleet.
write_systemd_unit() {
  cat >"$unit" <<EOF
[Unit]
Description=dstack agent: pulls and runs jobs on this host
StartLimitIntervalSec=0
$([ "$init" != systemd ] || printf '%s\n' "Wants=network-online.target" "After=network-online.target docker.service")

[Service]
Type=notify
NotifyAccess=main
ExecStart="$bin" run --state-dir "$state_dir"
ExecReload=/bin/kill -HUP \$MAINPID
EnvironmentFile=-$env_file
WatchdogSec=120
Restart=always
RestartSec=2
RestartPreventExitStatus=3 4
SuccessExitStatus=4
KillMode=process
OOMPolicy=continue
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576
$([ "$init" != systemd ] || systemd_only)

[Install]
WantedBy=$(if [ "$init" = systemd ]; then say multi-user.target; else say default.target; fi)
EOF
}

# Jobs of the process runtime live in this unit, so it forbids only what neither they nor the agent may need: no
# device, file system or privilege limits, which would take GPUs, mounts and package managers from jobs. A host that
# was installed for containers alone is held tighter: its jobs live in units of the engine.
systemd_only() {
  [ "$state_dir" != /var/lib/dstack-agent ] || printf '%s\n' "StateDirectory=dstack-agent" "StateDirectoryMode=0700"
  printf '%s\n' "ProtectHostname=yes" "ProtectKernelTunables=yes" "ProtectKernelLogs=yes" "KeyringMode=private"
  [ "$runtime" = docker ] || return 0
  printf '%s\n' "NoNewPrivileges=yes" "RestrictRealtime=yes" "RestrictSUIDSGID=yes" "LockPersonality=yes" \
    "SystemCallArchitectures=native" "ProtectSystem=true" "ReadWritePaths=$bin_dir"
}

write_openrc_script() {
  cat >"$rc_script" <<EOF
#!/sbin/openrc-run
description="dstack agent: pulls and runs jobs on this host"
command="$bin"
command_args="run --state-dir '$state_dir'"
supervisor=supervise-daemon
respawn_delay=2
respawn_max=0
output_log="$state_dir/agent.log"
error_log="$state_dir/agent.log"
set -a
[ ! -r "$env_file" ] || . "$env_file"
set +a
depend() {
  need net
  after docker
}
EOF
  chmod 755 "$rc_script"
}

# The agent must find its proxy and its authorities, and what it was told of upgrades, also when a service manager starts it.
write_env_file() {
  mkdir -p "$(dirname "$env_file")"
  : >"$env_file"
  chmod 600 "$env_file"
  for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy NODE_EXTRA_CA_CERTS DSTACK_CA_FILE \
    DSTACK_AGENT_UPGRADE; do
    value=$(printenv "$name" || true)
    case "$value" in
      "") ;;
      *\'*) say "Ignoring $name for the service: it contains a quote" ;;
      *) printf "%s='%s'\n" "$name" "$value" >>"$env_file" ;;
    esac
  done
  [ "$action" = image ] || return 0
  printf "DSTACK_URL='%s'\nDSTACK_JOIN_TOKEN='%s'\n" "$url" "$token" >>"$env_file"
}

# Process ids of this installation's agent and of the supervisors of its jobs: all run the same program file,
# which after an upgrade may be a deleted one.
our_processes() {
  for exe in /proc/[0-9]*/exe; do
    case "$(readlink "$exe" 2>/dev/null || true)" in
      "$bin" | "$bin (deleted)" | "$bin.old" | "$bin.old (deleted)") say "$exe" | cut -d / -f 3 ;;
    esac
  done
}

agent_pid() {
  pid=$(cat "$pid_file" 2>/dev/null || true)
  [ -n "$pid" ] || return 0
  for candidate in $(our_processes); do
    [ "$candidate" != "$pid" ] || say "$pid"
  done
}

# end_processes PID...: asks, waits at most ten seconds, insists.
end_processes() {
  [ $# -gt 0 ] || return 0
  kill -TERM "$@" 2>/dev/null || true
  tries=0
  while [ "$tries" -lt 50 ]; do
    # shellcheck disable=SC2015 # either way of not being there is good
    alive=$(for pid in "$@"; do [ -d "/proc/$pid" ] && say "$pid" || true; done)
    [ -n "$alive" ] || return 0
    tries=$((tries + 1))
    sleep 0.2 2>/dev/null || sleep 1
  done
  # shellcheck disable=SC2086 # a list of process ids
  kill -KILL $alive 2>/dev/null || true
}

start_in_background() {
  # shellcheck disable=SC2046 # a list of process ids
  end_processes $(agent_pid)
  log_file="$state_dir/agent.log"
  if has setsid; then
    setsid "$bin" run --state-dir "$state_dir" </dev/null >>"$log_file" 2>&1 &
  else
    nohup "$bin" run --state-dir "$state_dir" </dev/null >>"$log_file" 2>&1 &
  fi
  pid=$!
  say "$pid" >"$pid_file"
  # One that cannot work (port, file, address) says so within its first moments.
  sleep 1
  kill -0 "$pid" 2>/dev/null || fail "The agent ended at once: $(tail -n 1 "$log_file")" "The log is $log_file"
  say "Started the agent in the background (no service manager here: start it again after a reboot); log: $log_file"
}

# manage COMMAND...: of the service manager.
manage() {
  "$@" >/dev/null 2>"$work/errors" ||
    fail "The service could not be started: \"$*\" failed: $(head -n 1 "$work/errors")" \
    "Mend that and run this again; or use --no-start, and have $bin run started in another way"
}

start_service() {
  case "$init" in
    systemd)
      write_env_file
      write_systemd_unit
      manage systemctl daemon-reload
      manage systemctl enable --quiet dstack-agent.service
      manage systemctl restart dstack-agent.service
      say "Started dstack-agent.service; log: journalctl -u dstack-agent"
      ;;
    systemd-user)
      mkdir -p "$(dirname "$unit")"
      write_env_file
      write_systemd_unit
      manage systemctl --user daemon-reload
      manage systemctl --user enable --quiet dstack-agent.service
      manage systemctl --user restart dstack-agent.service
      say "Started dstack-agent.service of this user; log: journalctl --user -u dstack-agent"
      say "So that it also runs while you are not logged in: loginctl enable-linger"
      ;;
    openrc)
      write_env_file
      write_openrc_script
      manage rc-update -q add dstack-agent default
      manage rc-service -q dstack-agent restart
      say "Started the dstack-agent service; log: $state_dir/agent.log"
      ;;
    none) start_in_background ;;
  esac
}

# Nothing that makes a host one of its own may be on the disk: the agent makes its key, and joins, when it first starts.
prepare_image() {
  [ ! -e "$state_dir/identity.json" ] || fail "This host has joined already: each copy of its disk would be the same host" \
    "Run dstack-agent leave first, or install.sh --uninstall"
  write_env_file
  case "$init" in
    systemd)
      write_systemd_unit
      manage systemctl daemon-reload
      manage systemctl enable --quiet dstack-agent.service
      ;;
    systemd-user)
      mkdir -p "$(dirname "$unit")"
      write_systemd_unit
      manage systemctl --user daemon-reload
      manage systemctl --user enable --quiet dstack-agent.service
      ;;
    openrc)
      write_openrc_script
      manage rc-update -q add dstack-agent default
      ;;
    none)
      say "No service manager here: have $bin run --state-dir $state_dir started at boot, with the environment in $env_file"
      return
      ;;
  esac
  say "Enabled the service. Each copy of this disk joins when it first starts; its token is in $env_file"
}

# Holds the host's key, so it is for its owner alone. The marker says that --uninstall may remove all of it.
make_state_dir() {
  if [ -d "$state_dir" ] && [ ! -e "$marker" ] && [ -n "$(ls -A "$state_dir")" ]; then
    fail "Cannot use $state_dir: it holds files of something else" "Name another folder with --state-dir"
  fi
  (umask 077 && mkdir -p "$state_dir" && say "bin_dir=$bin_dir" >"$marker") ||
    fail "Cannot write to $state_dir" "Make it writable for $(id -un), or name another folder with --state-dir"
}

# --- Join and uninstall ---------------------------------------------------------------------------------------

join() {
  if [ -e "$state_dir/identity.json" ] && [ -z "$token" ]; then
    say "This host has joined before; its identity stays"
    return
  fi
  set -- join --url "$url" --state-dir "$state_dir"
  [ -z "$name" ] || set -- "$@" --name "$name"
  [ -z "$runtime" ] || set -- "$@" --runtime "$runtime"
  # By the environment: arguments are visible to every user of the host.
  DSTACK_JOIN_TOKEN="$token" "$bin" "$@" || exit 1
}

uninstall() {
  case "$init" in
    systemd)
      systemctl disable --quiet --now dstack-agent.service 2>/dev/null || true
      rm -f "$unit"
      systemctl daemon-reload
      ;;
    systemd-user)
      systemctl --user disable --quiet --now dstack-agent.service 2>/dev/null || true
      rm -f "$unit"
      systemctl --user daemon-reload
      ;;
    openrc)
      rc-service -q dstack-agent stop 2>/dev/null || true
      # Without -a it looks into the runlevel that the host is in alone.
      rc-update -q -a del dstack-agent 2>/dev/null || true
      rm -f "$rc_script"
      ;;
  esac
  # What is left are the supervisors of jobs, and an agent without a service manager.
  pids=$(our_processes)
  if [ -n "$pids" ]; then
    say "Ending the agent and jobs of the process runtime: $(printf '%s' "$pids" | tr '\n' ' ')"
    # shellcheck disable=SC2086 # a list of process ids
    end_processes $pids
  fi
  if has docker; then
    containers=$(docker ps -aq --filter "label=dstack.submission-id" 2>/dev/null || true)
    if [ -n "$containers" ]; then
      say "Removing containers of jobs: $(printf '%s' "$containers" | tr '\n' ' ')"
      # shellcheck disable=SC2086 # a list of container ids
      docker rm -f -v $containers >/dev/null
    fi
  fi
  rm -f "$bin" "$bin.old" "$env_file"
  # Of installations that were cut off: what they had in work, and what the coordinator has sent (coordinator/hosts/send.ts).
  end_earlier
  [ -z "${HOME:-}" ] || rm -f "$HOME/.dstack-agent.gz"
  if [ -e "$marker" ]; then
    rm -rf "$state_dir"
    say "Removed dstack-agent and $state_dir"
  else
    say "Removed dstack-agent; there was no state in $state_dir"
  fi
  is_root || remove_empty "${unit%/*}" "${env_file%/*}" "$bin_dir" "${state_dir%/*}"
}

# remove_empty FOLDER...: those of a user's home that may have been made for the agent, where nothing else is in them.
remove_empty() {
  for folder in "$@"; do
    while case "$folder" in "$HOME"/?*) rmdir "$folder" 2>/dev/null ;; *) false ;; esac do
      folder=${folder%/*}
    done
  done
}

# --- Main -----------------------------------------------------------------------------------------------------

# value_of OPTION COUNT_LEFT
need_value() { [ "$2" -ge 2 ] || fail "$1 needs a value" "See --help"; }

main() {
  url=$default_url
  case "$url" in @*) url= ;; esac
  token=${DSTACK_JOIN_TOKEN:-}
  runtime=
  name=
  ca_file=${DSTACK_CA_FILE:-}
  given=
  given_sum=
  state_dir=
  bin_dir=
  action=install
  start=yes
  while [ $# -gt 0 ]; do
    case "$1" in
      --url) need_value "$1" $#; url=$2; shift ;;
      --token) need_value "$1" $#; token=$2; shift ;;
      --ca-file) need_value "$1" $#; ca_file=$2; shift ;;
      --runtime) need_value "$1" $#; runtime=$2; shift ;;
      --name) need_value "$1" $#; name=$2; shift ;;
      --program) need_value "$1" $#; given=$2; shift ;;
      --sum) need_value "$1" $#; given_sum=$2; shift ;;
      --bin-dir) need_value "$1" $#; bin_dir=$2; shift ;;
      --state-dir) need_value "$1" $#; state_dir=$2; shift ;;
      --no-start) start=no ;;
      --image) action=image ;;
      --uninstall) action=uninstall ;;
      -h | --help) usage; exit 0 ;;
      *) fail "Unknown option: $1" "See --help" ;;
    esac
    shift
  done

  if is_root; then
    : "${state_dir:=/var/lib/dstack-agent}"
  else
    [ -n "${HOME:-}" ] || fail "Cannot install: HOME is not set and this is not root" \
      "Set HOME to a folder of $(id -un)"
    config_dir=${XDG_CONFIG_HOME:-$HOME/.config}
    : "${state_dir:=${XDG_STATE_HOME:-$HOME/.local/state}/dstack-agent}"
  fi
  case "$state_dir" in
    / | "") fail "--state-dir must name a folder of its own" ;;
    *[\"\'\\%\$]*) fail "--state-dir must not contain quotes, backslashes, percent or dollar signs" ;;
    /*) ;;
    *) fail "--state-dir must be an absolute path, not \"$state_dir\"" ;;
  esac
  marker=$state_dir/.dstack-agent
  : "${bin_dir:=$(installed_bin_dir)}"
  : "${bin_dir:=$(find_bin_dir)}"
  case "$bin_dir" in
    *[\"\'\\%\$]*) fail "--bin-dir must not contain quotes, backslashes, percent or dollar signs" ;;
    /*) ;;
    *) fail "--bin-dir must be an absolute path, not \"$bin_dir\"" ;;
  esac
  bin=$bin_dir/dstack-agent
  if is_root; then
    unit=/etc/systemd/system/dstack-agent.service
    env_file=/etc/default/dstack-agent
  else
    unit=$config_dir/systemd/user/dstack-agent.service
    env_file=$config_dir/dstack-agent.env
  fi
  rc_script=/etc/init.d/dstack-agent
  pid_file=$state_dir/agent.pid
  init=$(find_init)

  if [ "$action" = uninstall ]; then
    uninstall
    return
  fi

  case "$runtime" in
    "" | auto | docker | process) ;;
    *) fail "--runtime is docker, process or auto, not \"$runtime\"" ;;
  esac
  url=${url%/}
  case "$url" in
    http://?* | https://?*) ;;
    "") fail "No coordinator given" "Add --url http://HOST:3000" ;;
    *) fail "--url must begin with http:// or https://, not \"$url\"" ;;
  esac
  if [ -n "$ca_file" ]; then
    case "$ca_file" in /*) ;; *) ca_file=$PWD/$ca_file ;; esac
    [ -r "$ca_file" ] || fail "Cannot read $ca_file" "--ca-file names a file with authorities (PEM) on this host"
    # For the agent, now and as a service.
    export DSTACK_CA_FILE="$ca_file"
  fi
  # What the agent knows the coordinator by, where it has joined before.
  [ -n "$ca_file" ] || [ ! -r "$state_dir/authorities.pem" ] || ca_file=$state_dir/authorities.pem
  fingerprint=
  case "$token" in *.sha256-*) fingerprint=${token##*.sha256-} ;; esac
  case "$url$token" in
    *\'*) fail "Neither --url nor --token may contain a quote" ;;
  esac
  if [ -z "$token" ] && [ ! -e "$state_dir/identity.json" ]; then
    fail "This host has not joined yet: a join token is needed" "Get one from the coordinator and add --token TOKEN"
  fi

  target=$(find_target)
  [ "$target" = linux-x64-musl ] || require_glibc
  kernel=$(uname -r)
  run_remedy="Please report this with the output of: $bin version"
  [ "$target" != linux-x64-musl ] || run_remedy="It needs the C++ library: apk add libstdc++ libgcc; one that is older than Alpine 3.17 lacks symbols: upgrade the system"
  if is_older "$kernel" "$oldest_kernel"; then
    run_remedy="The kernel is $kernel: upgrade the system to one with Linux $oldest_kernel or newer"
    say "Linux $kernel is older than $oldest_kernel, and not all may work: upgrade the system when you can"
  fi
  sum_tool=$(find_sum_tool)
  has gzip || fail "Cannot unpack: gzip is not installed" "Install gzip and run this again"
  require_places
  install_binary
  if [ "$action" = image ]; then
    prepare_image
    return
  fi
  make_state_dir
  join
  [ "$start" = yes ] || { say "Start it with: $bin run --state-dir $state_dir"; return; }
  start_service
}

# Called at the very end, so that a download cut short runs nothing.
main "$@"
