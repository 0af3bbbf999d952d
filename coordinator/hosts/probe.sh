# What a host is and has, as lines that begin with dstack_. $1: the coordinator's URL, $2 and $3: its name and port.
# Nothing here changes anything, but for the file of a download, which goes to /dev/null.
LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say() { printf 'dstack_%s=%s\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
# limited SECONDS COMMAND...
limited() { if has timeout; then timeout "$@"; else shift; "$@"; fi; }
first_line() { printf '%s' "$1" | head -n 1; }

say os "$(uname -s)"
say machine "$(uname -m)"
say uid "$(id -u)"
say user "$(id -un)"
say home "${HOME:-}"
say clock "$(date +%s)"

libc=none
for loader in /lib/ld-musl-*.so.*; do [ ! -e "$loader" ] || libc=musl; done
for loader in /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.* /lib/*/ld-linux-*.so.*; do [ ! -e "$loader" ] || libc=glibc; done
say libc "$libc"
if grep -qw avx2 /proc/cpuinfo; then say avx2 yes; else say avx2 no; fi

# The nearest folder that is there.
free_at() {
  folder=$1
  while [ ! -d "$folder" ] && [ "$folder" != / ] && [ -n "$folder" ]; do folder=$(dirname "$folder"); done
  df -Pk "$folder" 2>/dev/null | awk 'NR == 2 { print $4 }'
}
say free_root "$(free_at /usr/local/bin)"
say free_user "$(free_at "${HOME:-/nowhere}/.local/bin")"

if ! has sudo; then
  say sudo none
elif sudo -n true </dev/null >/dev/null 2>&1; then
  say sudo free
else
  say sudo password
fi

# Where nothing is there to download with: can a connection be made at all?
# By whom it is certified is the installer's to check, before it says anything.
if has curl; then
  say tool curl
  answer=$(curl -kfsS -m 10 "$1/healthcheck" 2>&1 </dev/null)
elif has wget; then
  say tool wget
  case $1 in https:*) unchecked=--no-check-certificate ;; *) unchecked= ;; esac
  answer=$(limited 12 wget -q $unchecked -T 10 -O - "$1/healthcheck" 2>&1 </dev/null)
else
  say tool none
  if ! has bash || ! has timeout; then
    answer=unknown
  elif timeout 10 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" </dev/null >/dev/null 2>&1; then
    answer='"running"'
  else
    answer="no connection to $2:$3"
  fi
fi
case $answer in
  unknown) say reach unknown ;;
  *'"running"'*) say reach yes ;;
  *)
    say reach no
    say reach_error "$(first_line "${answer:-no answer}")"
    ;;
esac
say end yes
