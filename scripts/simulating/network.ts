import { AGENT_BASE_PATH } from "../../shared/protocol/version.ts";
import type { Answer, SimCoordinator } from "./coordinator.ts";
import type { Likelihoods } from "./faults.ts";
import type { Fetch } from "./globals.ts";
import type { SimHost } from "./host.ts";
import type { Life, World } from "./world.ts";

export interface NetworkOptions {
  world: World;
  faults: Likelihoods;
  coordinator: SimCoordinator;
  hosts: ReadonlyMap<string, SimHost>;
  /** What happens to a host at the worst moment: it has just been given a job, and nobody knows that it has it. */
  onGift: (host: SimHost) => void;
}

/** The longest that a message is under way. */
const LONGEST_MS = 12_000;
/** The longest after which a copy of a message arrives. */
const LONGEST_COPY_MS = 60_000;

/** Carries what agents send: slowly, twice, or not at all; a host that is cut off learns nothing, and says nothing. */
export const createFetch =
  ({ world, faults, coordinator, hosts, onGift }: NetworkOptions): Fetch =>
  (url, init) => {
    const { random, life } = world;
    const { hostname } = new URL(url);
    const host = hosts.get(hostname);
    if (!host || !life) throw new Error(`A request to ${url} from nowhere`);
    const path = url.slice(`http://${hostname}${AGENT_BASE_PATH}`.length);
    const transitMs = () =>
      random.chance(faults.delay) ? random.skewed(10, LONGEST_MS) : random.skewed(0.1, 20);
    const serve = (signal: AbortSignal): Promise<Answer> =>
      coordinator.serve(host.row.id, { path, body: init.body, signal });

    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const connection = new AbortController();
    const deliver = (answer: Answer) => {
      if (!host.isCut && isGift(answer) && random.chance(faults.atGift)) {
        world.after(0, () => resolve(responseOf(answer)), life);
        world.after(0, () => onGift(host), NETWORK);
        return;
      }
      if (host.isCut || random.chance(faults.loss)) return lose();
      const told = path === "/enroll" ? "" : JSON.stringify(answer.body, short);
      world.note(`${hostname} is answered ${path} ${told}`);
      world.after(transitMs(), () => resolve(responseOf(answer)), life);
    };
    /** Whoever waits for it may be told at once, or never. */
    const lose = () => {
      world.note(`${hostname} loses ${path}`);
      if (!host.isCut && random.chance(0.5))
        world.after(1, () => reject(new TypeError("Connection reset")), life);
    };
    // Keys and tokens are not the same the next time.
    const isSecret = path === "/enroll" || init.body instanceof Uint8Array;
    world.note(`${hostname} asks ${path} ${isSecret ? "" : init.body}`);
    const copy = () => {
      if (coordinator.life === server) void serve(new AbortController().signal);
    };
    // A connection does not outlive either of its ends.
    const server = coordinator.life;
    const arrive = () => {
      if (coordinator.life !== server || host.isCut || random.chance(faults.loss)) return lose();
      if (random.chance(faults.duplicate)) world.after(random.skewed(1, LONGEST_COPY_MS), copy, NETWORK);
      void serve(connection.signal).then(deliver);
    };
    world.after(transitMs(), arrive, NETWORK);
    const close = () =>
      world.after(
        1,
        () => {
          if (!host.isCut) connection.abort();
        },
        NETWORK,
      );
    host.hangUps.add(close);
    const hangUp = () => {
      reject(init.signal?.reason);
      close();
    };
    if (init.signal?.aborted) hangUp();
    else init.signal?.addEventListener("abort", hangUp, { once: true });
    return promise.finally(() => host.hangUps.delete(close));
  };

/** No process of ours: what is under way goes on when its sender is dead. */
const NETWORK: Life = { name: "network", alive: true, machine: { skewMs: 0 } };

const isGift = ({ body }: Answer): boolean => {
  const { desired } = body as { desired?: { assignment?: unknown }[] };
  return desired?.some((one) => one.assignment) === true;
};

/** An assignment says little to whoever reads a trace. */
const short = (key: string, value: unknown): unknown => (key === "assignment" ? "…" : value);

/** As much of an answer as agent/link/client.ts reads. A real one would be read in real time. */
const responseOf = ({ status, body }: Answer): Response => {
  const text = JSON.stringify(body);
  const answer = {
    ok: status === 200,
    status,
    json: async (): Promise<unknown> => JSON.parse(text),
    text: async () => text,
  };
  return answer as Response;
};
