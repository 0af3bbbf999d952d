/** Ports of jobs on this machine, through the coordinator: the host of the lab answers what comes for a port. */
import { expect, test } from "bun:test";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { type Lab, openLab } from "./lab.ts";

/** The host syncs as agents do, and says of each stream which port it was for. */
const serve = (lab: Lab): AsyncDisposable => {
  lab.agent.onTunnelWanted = () =>
    void lab.agent.dialTunnel(({ stream, accept }, request) => {
      const { to } = request as { to: { port: number } };
      accept(null);
      stream.write(new TextEncoder().encode(`port ${to.port}\n`));
      stream.end();
    });
  const stop = new AbortController();
  const syncing = (async () => {
    while (!stop.signal.aborted)
      await lab.agent.sync(5_000, stop.signal).catch((err: unknown) => {
        if (!stop.signal.aborted) throw err;
      });
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await syncing;
    },
  };
};

const freePort = (): number => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  server.stop(true);
  return server.port;
};

/** All that comes from a local port. */
const readFrom = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    let heard = "";
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => {
          heard += bytes.toString();
        },
        close: () => resolve(heard),
      },
    }).catch(reject);
  });

const runWith = async (lab: Lab, name: string, ports: string): Promise<string> => {
  await lab.task(name, `ports: [${ports}]`);
  await lab.person.run(["apply", "-f", `${name}.dstack.yml`, "-yd"]);
  const id = await lab.agent.take();
  await lab.agent.running(id);
  return id;
};

test("attach has a job's ports here, tells where, and gives them back at Ctrl-C", async () => {
  await using lab = await openLab();
  const [mapped, overridden] = [freePort(), freePort()];
  await runWith(lab, "web", `"${mapped}:8000", "*:9000"`);
  await using _host = serve(lab);
  const attached = lab.person.start(["attach", "web", "-p", `${overridden}:9000`]);
  await attached.waitForOut("Press Ctrl+C to detach...\n");
  expect(attached.out()).toEndWith(
    [
      "Attached to run web (replica=0 job=0)",
      "Connected via relay",
      "Forwarded ports (local -> remote):",
      `  - localhost:${mapped} -> 8000`,
      `  - localhost:${overridden} -> 9000`,
      "To connect to the run via SSH, use `ssh web`.",
      "Press Ctrl+C to detach...",
      "",
    ].join("\n"),
  );
  expect(await readFrom(mapped)).toBe("port 8000\n");
  expect(await Promise.all([readFrom(overridden), readFrom(overridden)])).toEqual([
    "port 9000\n",
    "port 9000\n",
  ]);
  attached.interrupt();
  const { code, out } = await attached.finished;
  expect([code, out.endsWith("\nDetached\n")]).toEqual([0, true]);
  await expect(readFrom(mapped)).rejects.toThrow();
  expect((await lab.getRun("web")).status).toBe("running");
});

test("ports of an attached apply are here before the job runs; who comes early waits", async () => {
  await using lab = await openLab();
  const port = freePort();
  await lab.task("early", `ports: ["${port}:8000"]`);
  const applied = lab.person.start(["apply", "-f", "early.dstack.yml", "-y"]);
  const id = await lab.agent.take();
  await lab.agent.running(id);
  await using _host = serve(lab);
  await applied.waitForOut("Forwarded ports (local -> remote):\n");
  expect(await readFrom(port)).toBe("port 8000\n");
  applied.interrupt();
  expect(await applied.finished).toMatchObject({ code: 0 });
});

test("a port that somebody has is refused before anything is submitted, also by attach", async () => {
  await using lab = await openLab();
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = taken;
  await lab.task("clash", `ports: ["${port}:8000"]`);
  const refused = (command: string) =>
    `port ${port} is already in use. Use -p in dstack ${command} to override the local port mapping, e.g. -p ${port + 1}:8000.\n`;
  const applied = await lab.person.run(["apply", "-f", "clash.dstack.yml", "-y"]);
  expect(applied).toMatchObject({
    code: 1,
    out: expect.stringContaining(`Failed to submit: ${refused("apply")}`),
  });
  expect((await lab.person.run(["run", "get", "clash", "--json"])).out).toBe("Run clash not found\n");
  await lab.person.run(["apply", "-f", "clash.dstack.yml", "-yd"]);
  await lab.agent.running(await lab.agent.take());
  expect(await lab.person.run(["attach", "clash"])).toMatchObject({
    code: 1,
    out: expect.stringContaining(`Failed to attach: ${refused("attach")}`),
  });
});

test("attach to a run that is done ends as the run did, and gives its ports back", async () => {
  await using lab = await openLab();
  const port = freePort();
  const id = await runWith(lab, "over", `"${port}:8000"`);
  await lab.agent.finished(id, 0);
  await lab.waitForStatus("over", "done");
  expect((await lab.person.run(["attach", "over"])).code).toBe(0);
  await expect(readFrom(port)).rejects.toThrow();
});

/** Something between client and coordinator that knows no WebSockets. */
const openProxyWithoutTunnels = (lab: Lab) =>
  Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: (request) => {
      const { pathname, search } = new URL(request.url);
      if (pathname.endsWith("/runs/tunnel")) return new Response(null, { status: 426 });
      const { method, headers, body, signal } = request;
      return fetch(`${lab.coordinator.url}${pathname}${search}`, { method, headers, body, signal });
    },
  });

test("where no tunnel comes about attach says so and ends, and apply goes on without the ports", async () => {
  const hasty: Clock = {
    ...systemClock,
    after: (ms, fire) => systemClock.after(ms > 10_000 ? ms : ms / 20, fire),
  };
  await using lab = await openLab({ clock: hasty });
  await using proxy = openProxyWithoutTunnels(lab);
  const env = { DSTACK_SERVER_URL: `http://127.0.0.1:${proxy.port}` };
  const far = await runWith(lab, "far", `"${freePort()}:8000"`);
  expect(await lab.person.run(["attach", "far"], { env })).toMatchObject({
    code: 1,
    out: "Can't connect to the remote host\nthe coordinator could not be reached\n",
  });
  await lab.agent.finished(far, 0);
  await lab.waitForStatus("far", "done");
  await lab.task("near", `ports: ["${freePort()}:8000"]`);
  const applied = lab.person.start(["apply", "-f", "near.dstack.yml", "-y"], { env });
  const id = await lab.agent.take();
  await lab.agent.running(id);
  await lab.agent.log(id, "it runs\n");
  await applied.waitForOut("it runs\n");
  await waitFor("the reason", () =>
    applied.err().startsWith("The ports of the run are not here: Can't connect to the remote host\n"),
  );
  await lab.agent.finished(id, 0);
  expect((await applied.finished).code).toBe(0);
}, 30_000);

test("attach --json says what is here in one line", async () => {
  await using lab = await openLab();
  const port = freePort();
  const id = await runWith(lab, "data", `"${port}:8000"`);
  const attached = lab.person.start(["attach", "data", "--json"]);
  await attached.waitForOut("\n");
  expect(JSON.parse(attached.out())).toEqual({
    run_name: "data",
    replica_num: 0,
    job_num: 0,
    submission_id: id,
    via: "relay",
    ports: [{ local: port, remote: 8000 }],
    ssh: ["ssh", "data"],
  });
  attached.interrupt();
  expect((await attached.finished).code).toBe(0);
});
