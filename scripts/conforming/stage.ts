import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { startAgent } from "../e2e/harness/agent.ts";
import { type Coordinator, startCoordinator } from "../e2e/harness/coordinator.ts";
import { createFakeGpus } from "../e2e/harness/fakeGpus.ts";
import { createNetwork, type Network } from "../e2e/harness/network.ts";
import { reasonsAgainst } from "../e2e/harness/requirements.ts";
import { type GitHost, openGitHost } from "./gitHost.ts";

/** What the cases are played on: a coordinator, the fleet "pool", and with root the fleet "gpu" of one GPU host. */
export interface Stage extends AsyncDisposable {
  coordinator: Coordinator;
  dir: string;
  /** With root alone: hosts are in networks of their own, and more can be added. */
  network: Network | undefined;
  /** With root alone. */
  gitHost: GitHost | undefined;
}

export interface StageOptions {
  hosts: number;
  /** With a GPU host and a Git host. */
  full: boolean;
}

export const openStage = async ({ hosts, full }: StageOptions): Promise<Stage> => {
  await using undo = new AsyncDisposableStack();
  const dir = undo.use(tempDir()).path;
  const network = reasonsAgainst(["root"]).length === 0 ? undo.use(await createNetwork()) : undefined;
  const coordinator = undo.use(
    await startCoordinator({
      // Short: agents on the machine itself have a socket somewhere below it.
      dir: join(dir, "c"),
      ...(network ? { ip: network.ip } : {}),
      env: { DSTACK_SERVER_LOCAL_INSTANCES: "1" },
    }),
  );
  const gitHost = full && network ? undo.use(await openGitHost(join(dir, "git"), network.ip)) : undefined;
  const addHost = async (name: string, fleet: string, devices?: number) => {
    const place = await network?.addHost(name);
    undo.use(
      await startAgent({
        coordinator,
        dir: join(dir, name),
        runtime: "process",
        name,
        fleet,
        ...(place ? { place } : {}),
        ...(gitHost ? { env: { GIT_SSL_CAINFO: gitHost.ca } } : {}),
        ...(devices === undefined ? {} : { gpus: createFakeGpus(join(dir, `${name}-devices`), devices) }),
      }),
    );
  };
  for (let at = 0; at < hosts; at++) await addHost(`n${at}`, "pool");
  if (full && network) await addHost("g0", "gpu", 8);
  const cleanUp = undo.move();
  return { coordinator, dir, network, gitHost, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
};
