import type { World } from "./world.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Lays the world over what the agent takes from its surroundings, so that its own code runs as it is: time, timers,
 * randomness, network. Code of the simulator itself, and what the runtime does for itself, keeps the real ones.
 */
export const layOver = (world: World, fetch: Fetch): Disposable => {
  const { random } = world;
  const real = {
    fetch: globalThis.fetch,
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    now: Date.now,
    steady: performance.now,
    random: Math.random,
    randomUUID: crypto.randomUUID,
    timeout: AbortSignal.timeout,
  };
  const cancels = new Map<unknown, () => void>();

  const setTimeout = (fire: () => void, ms = 0) => {
    if (!world.life) return real.setTimeout(fire, ms);
    const key = {};
    const cancel = world.after(ms, () => {
      cancels.delete(key);
      fire();
    });
    cancels.set(key, cancel);
    return key;
  };
  const clearTimeout = (key: unknown) => {
    const cancel = cancels.get(key);
    cancels.delete(key);
    if (cancel) cancel();
    else real.clearTimeout(key as Timer | undefined);
  };
  const timeout = (ms: number) => {
    const controller = new AbortController();
    const reason = () => new DOMException("The operation timed out", "TimeoutError");
    world.after(ms, () => controller.abort(reason()));
    return controller.signal;
  };
  Object.assign(globalThis, { fetch, setTimeout, clearTimeout });
  Object.assign(Date, {
    now: () => (world.life ? Math.floor(world.now + world.life.machine.skewMs) : real.now()),
  });
  Object.assign(performance, {
    now: () => (world.life ? world.now - world.startedAt : real.steady.call(performance)),
  });
  Object.assign(Math, { random: () => random.next() });
  Object.assign(crypto, { randomUUID: () => random.uuid() });
  Object.assign(AbortSignal, { timeout });
  return {
    [Symbol.dispose]: () => {
      Object.assign(globalThis, {
        fetch: real.fetch,
        setTimeout: real.setTimeout,
        clearTimeout: real.clearTimeout,
      });
      Object.assign(Date, { now: real.now });
      Object.assign(performance, { now: real.steady });
      Object.assign(Math, { random: real.random });
      Object.assign(crypto, { randomUUID: real.randomUUID });
      Object.assign(AbortSignal, { timeout: real.timeout });
    },
  };
};
