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
# By the loader of this processor: under a 64-bit kernel the system may be a 32-bit one.
case $(uname -m) in
  x86_64 | amd64) name=x86-64 ;;
  aarch64 | arm64) name=aarch64 ;;
  *) name='*' ;;
esac
for loader in /lib64/ld-linux-$name.so.* /lib/ld-linux-$name.so.* /lib/*/ld-linux-$name.so.*; do
  [ ! -e "$loader" ] || libc=glibc
done
say libc "$libc"
if grep -qw avx2 /proc/cpuinfo; then say avx2 yes; else say avx2 no; fi

# The nearest folder that is there.
nearest() {
  folder=$1
  while [ ! -d "$folder" ] && [ "$folder" != / ] && [ -n "$folder" ]; do folder=$(dirname "$folder"); done
  printf '%s' "$folder"
}
free_at() { df -Pk "$(nearest "$1")" 2>/dev/null | awk 'NR == 2 { print $4 }'; }
is_readonly() {
  awk -v dir="$(cd -P "$(nearest "$1")" && pwd -P)/" '
    { at = $2 == "/" ? "/" : $2 "/" }
    index(dir, at) == 1 && length(at) >= best { best = length(at); options = "," $4 "," }
    END { exit !index(options, ",ro,") }
  ' /proc/mounts 2>/dev/null
}
# As install.sh chooses it.
bin_root=/usr/local/bin
if is_readonly /usr/local/bin && ! is_readonly /opt/bin; then bin_root=/opt/bin; fi
say free_root "$(free_at "$bin_root")"
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
tool=none
# A tool that does not run, or crashes (126 and above), is none.
if has curl; then
  answer=$(curl -kfsS -m 10 "$1/healthcheck" 2>&1 </dev/null)
  [ $? -ge 126 ] || tool=curl
fi
if [ "$tool" = none ] && has wget; then
  case $1 in https:*) unchecked=--no-check-certificate ;; *) unchecked= ;; esac
  answer=$(limited 12 wget -q $unchecked -T 10 -O - "$1/healthcheck" 2>&1 </dev/null)
  [ $? -ge 126 ] || tool=wget
fi
say tool "$tool"
if [ "$tool" = none ]; then
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
