import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Finished, run } from "./program.ts";
import { hasProgram } from "./requirements.ts";

const cache = resolve(import.meta.dir, "../../../.cache");

/** Unpacked and not installed: it would take the place of this machine's own init scripts. $0: the folder. */
const FETCH = `
[ ! -e "$0/complete" ] || exit 0
rm -rf "$0"
mkdir -p "$0/packages"
cd "$0/packages"
apt-get download -qq openrc libeinfo1 librc1
for package in *.deb; do dpkg -x "$package" "$0/root"; done
touch "$0/complete"`;

/** Debian's OpenRC, in a folder of its own; or why it cannot be had. */
export const findOpenrc = async (): Promise<{ folder: string } | { reason: string }> => {
  const missing = ["apt-get", "dpkg", "flock"].find((program) => !hasProgram(program));
  if (missing !== undefined) return { reason: `needs ${missing}, of Debian` };
  const folder = join(cache, "openrc");
  mkdirSync(cache, { recursive: true });
  const command = ["flock", `${folder}.lock`, "sh", "-euc", FETCH, folder];
  const ended = await run(command, { timeoutMs: 120_000 }).catch(
    (err: unknown): Finished => ({ code: -1, stdout: "", stderr: String(err) }),
  );
  if (ended.code === 0) return { folder: join(folder, "root") };
  return { reason: `no OpenRC: ${ended.stderr.trim().split("\n").at(-1)}` };
};

/** What OpenRC makes as a host with it starts. */
const STATES =
  "daemons exclusive failed hotplugged inactive options scheduled started starting stopping tmp wasinactive";

/** For a machine that has /etc, /var and /run of its own: it has OpenRC as well, is up, and has a network. */
export const withOpenrc = (folder: string): string => `
for part in sbin lib; do
  mount -t overlay overlay -o "lowerdir=${folder}/$part:/usr/$part" "/usr/$part"
done
cp -a "${folder}/etc/." /etc/
: >/etc/insserv.conf
echo 'rc_provide="net"' >>/etc/rc.conf
for state in ${STATES}; do mkdir -p "/run/openrc/$state"; done
echo nonetwork >/run/openrc/softlevel
`;
