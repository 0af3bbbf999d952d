import type { MachineOptions } from "./sshMachine.ts";

/** Something about a host that keeps it out of its fleet until somebody has mended it. */
export interface JoiningFault {
  name: string;
  machine: Partial<MachineOptions>;
  user?: string;
  /** What an SSH fleet says of it: step, host, what is wrong, remedy. Absent: it comes in all the same. */
  said?: RegExp;
  /** What install.sh says. Absent: by hand such a host joins. */
  byHand?: RegExp;
  /** As root, there. */
  mend?: string;
}

/** Another program in the place of one, as PATH has it. */
const inPlaceOf = (program: string, script: string): string =>
  `printf '%s\n' '#!/bin/sh' '${script}' >/usr/local/sbin/${program}; chmod +x /usr/local/sbin/${program}`;

const own = (program: string): string => `rm /usr/local/sbin/${program}`;

export const JOINING_FAULTS: readonly JoiningFault[] = [
  {
    name: "readonly",
    machine: { prepare: "mount -o remount,bind,ro /usr/local; mount -o remount,bind,ro /opt" },
    said: /^installing on \S+ \(exit status 1\): install\.sh: Cannot install into \/usr\/local\/bin: it is on a read-only file system\. Make it writable/,
    byHand: /Cannot install into \/usr\/local\/bin: .* read-only .*\n.*remount,rw.* --bin-dir/,
    mend: "mount -o remount,bind,rw /usr/local",
  },
  {
    name: "fulldisk",
    machine: { prepare: "mount -t tmpfs -o size=8m tmpfs /usr/local/bin" },
    said: /^looking: \S+ has 8 MiB left where the agent would be; 300 MiB are needed\. Make room there/,
    byHand:
      /The disk is full: [78] MiB are free for \/usr\/local\/bin, and 300 MiB are needed\n {2}Make room/,
    mend: "mount -o remount,size=400m /usr/local/bin",
  },
  {
    name: "noexechome",
    user: "eve",
    machine: {
      users: [{ name: "eve" }],
      without: ["/usr/bin/sudo"],
      prepare: "mount -o remount,bind,noexec /home",
    },
    said: /Cannot run programs from \/home\/eve\/\.local\/bin: it is mounted noexec\. Allow it/,
    byHand: /Cannot run programs from \/home\/eve\/\.local\/bin: it is mounted noexec\n.*--bin-dir/,
    mend: "mount -o remount,bind,exec /home",
  },
  {
    name: "clock",
    machine: { prepare: inPlaceOf("date", 'exec /bin/date -d "-1 hour" "$@"') },
    said: /^looking: \S+ has a clock that is (?:59|60) minutes behind\. Set it \(for example with an NTP service/,
    mend: own("date"),
  },
  {
    name: "machine",
    machine: { prepare: inPlaceOf("uname", 'case $1 in -m) echo i686 ;; *) exec /bin/uname "$@" ;; esac') },
    said: /^looking: \S+ is i686\. Take it out of the fleet, or set it up anew: agents are built for Linux on x86_64/,
    byHand: /Cannot install: there is no build for i686\n {2}There are builds for Linux on x86_64/,
    mend: own("uname"),
  },
  {
    name: "glibc",
    machine: { prepare: inPlaceOf("getconf", "echo glibc 2.12") },
    said: /the glibc of this system is 2\.12, and 2\.17 or newer is needed\. Upgrade the system/,
    byHand: /the glibc of this system is 2\.12, and 2\.17 or newer is needed\n {2}Upgrade the system/,
    mend: own("getconf"),
  },
  {
    name: "noavx2",
    machine: {
      prepare: 'sed "s/ avx2//" /proc/cpuinfo >"$own/cpuinfo"; mount --bind "$own/cpuinfo" /proc/cpuinfo',
    },
    said: /The coordinator has no dstack-agent-linux-x64-baseline\. Build it with: bun run build --target linux-x64-baseline/,
    byHand: /The coordinator has no dstack-agent-linux-x64-baseline\n {2}Build it with/,
    // It is the coordinator that gets the build.
  },
  {
    name: "noshell",
    machine: { prepare: "usermod -s /usr/sbin/nologin root" },
    said: /^looking: the host runs no shell scripts \(exit status 1\): .* Can the user log in there with a shell/,
    mend: "usermod -s /bin/bash root",
  },
  {
    name: "bare",
    user: "ann",
    machine: {
      users: [{ name: "ann", sudo: "free" }],
      without: ["/usr/bin/curl", "/usr/bin/wget"],
    },
    byHand:
      /Cannot download: neither curl nor wget is installed\n {2}Install one of them; or bring http:\S+linux-x64\.gz here, and name it with --program/,
  },
  { name: "noexectmp", machine: { prepare: "mount --bind /tmp /tmp; mount -o remount,bind,noexec /tmp" } },
  // As systems are that have /usr from an image.
  { name: "image", machine: { prepare: "mount -o remount,bind,ro /usr/local" } },
];

/** Faults that a host of which nothing else is wrong gets and loses, one after another, before install.sh is run by hand. */
export const HAND_FAULTS: readonly { make: string; args?: string; said: RegExp; mend: string }[] = [
  {
    make: "mount -o remount,bind,ro /var",
    said: /Cannot install into \/var\/lib\/dstack-agent: .* read-only .*\n.*--state-dir/,
    mend: "mount -o remount,bind,rw /var",
  },
  {
    make: "mount -t tmpfs -o size=4m tmpfs /var/lib",
    said: /The disk is full: 4 MiB are free for \/var\/lib\/dstack-agent, and 16 MiB are needed\n {2}Make room/,
    mend: "umount /var/lib",
  },
  {
    make: "mount -o remount,bind,noexec /usr/local",
    said: /Cannot run programs from \/usr\/local\/bin: it is mounted noexec\n.*--bin-dir/,
    mend: "mount -o remount,bind,exec /usr/local",
  },
  {
    make: "mkdir -p /run/systemd/system; mount -o remount,bind,ro /etc",
    said: /Cannot set up the service: \/etc\/systemd\/system is on a read-only .*\n.*--no-start/,
    mend: "mount -o remount,bind,rw /etc; rmdir /run/systemd/system",
  },
  {
    make: ":",
    args: "--runtime docker",
    said: /Cannot use the docker runtime: Docker is not installed or not running: there is no \S+docker\.sock\n {2}Start the engine/,
    mend: ":",
  },
  {
    make: 'ln -s "$ENGINE" /run/docker.sock',
    args: "--runtime docker",
    said: /Cannot use the docker runtime: The Docker engine is too old: version 18\.09\.9 has API 1\.39; upgrade it to 19\.03/,
    mend: "rm /run/docker.sock",
  },
];

/** A system of busybox alone, that has nothing to download with. */
export const chroot = (libc: string): Partial<MachineOptions> => ({
  sshd: ["ChrootDirectory /opt/root"],
  prepare: `
usermod -s /bin/sh root
root=/opt/root
for folder in bin dev proc tmp etc root lib lib64 usr var/lib run; do mkdir -p "$root/$folder"; done
cp /bin/busybox "$root/bin/"
for applet in $(busybox --list); do
  case $applet in busybox | wget) ;; *) ln -s busybox "$root/bin/$applet" ;; esac
done
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
${libc}
`,
});

/** With what programs of glibc load. */
export const BUSYBOX = chroot(
  'for lib in /lib64 "/lib/$(uname -m)-linux-gnu"; do mkdir -p "$root$lib"; mount --bind "$lib" "$root$lib"; done',
);
/** With musl's loader alone, as Alpine has it. */
export const MUSL = chroot(': >"$root/lib/ld-musl-$(uname -m).so.1"');
