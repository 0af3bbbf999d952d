import type { MachineOptions } from "./sshMachine.ts";

/** Where an installation is cut off: when it calls this program for the Nth time. */
export interface Cut {
  at: string;
  nth?: number;
  /** `login`: the connection is lost, and nobody tells the installer. `all`: it ends too, as with the host's power. */
  what: "login" | "all";
}

/**
 * In the place of a program ($0), for the first line of $own/cuts, PROGRAM N WHAT: ends the nearest sshd above it, and with
 * `all` everything below that one, itself included. By hand, where no sshd is above, that is what is below CUT_BELOW.
 */
const CUTTER = `#!/bin/sh
PATH=/usr/bin:/bin
name=\${0##*/} cuts=OWN/cuts
if read -r at left what <"$cuts" && [ "$at" = "$name" ]; then
  if [ "$left" -gt 1 ]; then
    sed -i "1s/.*/$at $((left - 1)) $what/" "$cuts"
  else
    sed -i 1d "$cuts"
    pid=$PPID above= login=
    while [ "$pid" -gt 1 ] && [ -z "$login" ]; do
      ! grep -q BELOW "/proc/$pid/cmdline" || break
      case $(cat "/proc/$pid/comm") in sshd*) login=$pid ;; *) above="$above $pid" ;; esac
      pid=$(sed -n 's/^PPid:\\t//p' "/proc/$pid/status")
    done
    echo "cut at $name" >>OWN/done
    [ "$what" = login ] || kill -9 $login $above $$
    kill -9 $login
  fi
fi
exec "/usr/bin/$name" "$@"
`;

/** In the command line of a shell that is to outlive what it runs. */
export const CUT_BELOW = "cut-below";

/** sshd's own part for files, which stops in the middle of the first one that it is sent. */
const SFTP = `#!/bin/sh
if [ -s OWN/cuts ] && read -r at _ <OWN/cuts && [ "$at" = sftp ]; then
  sed -i 1d OWN/cuts
  echo "cut at sftp" >>OWN/done
  dd bs=32768 count=200 2>/dev/null | /usr/lib/openssh/sftp-server
  kill -9 $PPID
fi
exec /usr/lib/openssh/sftp-server
`;

/** A machine on which installations are cut off, one after another, as the list says. */
export const cutAt = (
  own: string,
  cuts: readonly Cut[],
): Pick<MachineOptions, "prepare"> & { sftp: string } => {
  const names = [...new Set(cuts.map(({ at }) => at))].filter((name) => name !== "sftp");
  const list = cuts.map(({ at, nth = 1, what }) => `${at} ${nth} ${what}`).join("\n");
  const put = (path: string, text: string) =>
    `cat >${path} <<'END_OF_FILE'\n${text.replaceAll("OWN", own).replaceAll("BELOW", CUT_BELOW)}END_OF_FILE\nchmod +x ${path}`;
  return {
    sftp: `${own}/sftp`,
    prepare: [
      put(`${own}/cuts`, `${list}\n`),
      `: >${own}/done`,
      put(`${own}/sftp`, SFTP),
      ...names.map((name) => put(`/usr/local/sbin/${name}`, CUTTER)),
    ].join("\n"),
  };
};
