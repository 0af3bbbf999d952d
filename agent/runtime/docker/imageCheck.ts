import { existsSync } from "node:fs";
import type Docker from "dockerode";
import { messageOf } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { StartError } from "../runtime.ts";
import { askEngine, isWithoutTls } from "./engineRegistry.ts";
import type { PullRequest } from "./pull.ts";
import { type ImageFacts, type Platform, readRegistry, registryPlaceOf } from "./registryClient.ts";

/** Registries answer this in moments; one that does not is left to the pull, which has more patience. */
const TIMEOUT_MS = 10_000;

export interface ImageCheck extends PullRequest {
  /** What the job runs in it; empty: what the image says. */
  argv: readonly string[];
  signal: AbortSignal;
}

/**
 * Looks at an image that is still in its registry, and rejects with a StartError where it cannot be run here. Only what
 * is certain is refused. What cannot be found out is left to the pull: an engine may have mirrors, certificates and
 * accounts of its own, and says before any layer comes that there is no such tag or that it is not let in.
 */
export const checkImage = async (
  { docker, log }: { docker: Docker; log: Logger },
  { argv, signal, ...request }: ImageCheck,
): Promise<void> => {
  const { image, auth } = request;
  // Of each question by itself: an engine that is slow to answer for itself takes nothing of the registry's time.
  const limited = () => AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const leaveToPull = (err: unknown) => {
    signal.throwIfAborted();
    if (err instanceof StartError) throw err;
    log.info("Cannot look at an image before its pull", { image, reason: messageOf(err) });
    return undefined;
  };
  try {
    const { Os: os, Arch: architecture, Components } = await docker.version();
    const host = { os, architecture };
    const isPodman = Components?.some(({ Name }) => /podman/i.test(Name)) ?? false;
    const told = isPodman ? undefined : await askEngine(docker, request, limited()).catch(leaveToPull);
    if (told) refuseForeign(image, told, host);
    // Registries count what they are asked for: no more than is needed, and nothing twice.
    if (!isPodman && (!told || (argv.length > 0 && !isShell(argv)))) return;
    const place = { ...registryPlaceOf(image), ...(told ? { reference: told.digest } : {}) };
    const isPlain = await isWithoutTls(docker, place.registry, isPodman);
    const isForHost = (platform: Platform) => runsOn(platform, host);
    const facts = await readRegistry({ place, auth, isPlain, signal: limited() }, isForHost);
    refuseForeign(image, facts, host);
    refuseMute(image, facts, argv);
  } catch (err) {
    leaveToPull(err);
  }
};

/** What processors run besides their own. */
const ALSO_RUNS: Record<string, string> = { amd64: "386", arm64: "arm" };

const runsOn = (image: Platform, host: Platform): boolean =>
  image.os === host.os &&
  (image.architecture === host.architecture || image.architecture === ALSO_RUNS[host.architecture]);

const refuseForeign = (image: string, { platforms, isList }: ImageFacts, host: Platform): void => {
  // Beside the images of a list are what was built of them: of an unknown platform.
  const real = platforms.filter(({ os }) => os !== "unknown");
  if (real.length === 0 || real.some((platform) => runsOn(platform, host))) return;
  if (!isList && real.some((platform) => isEmulated(platform, host))) return;
  const names = [...new Set(real.map(nameOf))].join(", ");
  throw new StartError(
    "creating_container_error",
    `Cannot run the image "${image}" on this host: it is made for ${names}, and the host is ${nameOf(host)}`,
    { hint: `Choose an image for ${nameOf(host)}, or name the image's architecture in resources (cpu)` },
  );
};

const nameOf = ({ os, architecture }: Platform): string => `${os}/${architecture}`;

/** As QEMU's interpreters are called, that binfmt_misc has for foreign programs (docs.kernel.org/admin-guide/binfmt-misc). */
const KERNEL_NAMES: Record<string, string> = { amd64: "x86_64", arm64: "aarch64", "386": "i386" };

/** An engine takes the only platform of an image that has one, and the kernel may know how to run it. */
const isEmulated = ({ os, architecture }: Platform, host: Platform): boolean =>
  os === host.os && existsSync(`/proc/sys/fs/binfmt_misc/qemu-${KERNEL_NAMES[architecture] ?? architecture}`);

/** The smallest shells (dash, of its own C library, compressed) have several times as much. */
const TOO_SMALL_FOR_SHELL_BYTES = 16 * 1024;

const isShell = (argv: readonly string[]): boolean => /(^|\/)\w*sh$/.test(argv[0] ?? "");

const refuseMute = (image: string, { own }: ImageFacts, argv: readonly string[]): void => {
  if (!own) return;
  if (argv.length === 0 && own.argv.length === 0)
    throw new StartError(
      "creating_container_error",
      `The image "${image}" has neither an entrypoint nor a command: give commands`,
    );
  if (!isShell(argv) || own.bytes >= TOO_SMALL_FOR_SHELL_BYTES) return;
  throw new StartError(
    "creating_container_error",
    `The image "${image}" is too small to have a shell "${argv[0]}" to run the commands with (${own.bytes} bytes)`,
    { hint: 'Give an "entrypoint", which needs no shell, or leave out "commands"' },
  );
};
