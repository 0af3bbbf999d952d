import { expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { newPerson } from "../../cli/testing/runCli.ts";
import { openLab } from "./lab.ts";

/** What is offered after these words, the last of which is not finished. */
const query = async (lab: { person: ReturnType<typeof newPerson> }, ...words: string[]) => {
  const { code, out, err } = await lab.person.run(["completion", "query", "--", ...words]);
  expect([code, err]).toEqual([0, ""]);
  return out.split("\n").filter(Boolean);
};

test("names are those that there are", async () => {
  await using lab = await openLab();
  lab.autopilot(({ argv }) => (argv.join(" ").includes("sleep") ? {} : { exitStatus: 0 }));
  await lab.task("over");
  await lab.person.run(["apply", "-f", "over.dstack.yml", "-y"]);
  await lab.person.run(["apply", "-f", "-", "-yd", "-n", "on-and-on"], {
    stdin: "type: task\ncommands: [sleep 100]\nresources: {cpu: 1.., memory: 1GB.., disk: 2GB..}\n",
  });
  await lab.waitForStatus("on-and-on", "running");
  await lab.person.run(["secret", "set", "token", "x"]);
  await lab.person.run(["export", "create", "shared", "--fleet", "lab"]);
  await lab.person.write(
    "home/.dstack/config.yml",
    `projects:\n- {name: main, url: "${lab.coordinator.url}", token: t, default: true}\n`,
  );
  expect(await query(lab, "stop", "")).toEqual(["on-and-on"]);
  expect(await query(lab, "logs", "")).toEqual(["on-and-on", "over"]);
  expect(await query(lab, "fleet", "delete", "")).toContain("lab");
  expect(await query(lab, "apply", "--fleet", "")).toContain("lab");
  expect(await query(lab, "instance", "get", "")).toEqual(["lab-0"]);
  expect(await query(lab, "secret", "get", "")).toEqual(["token"]);
  expect(await query(lab, "export", "delete", "")).toEqual(["shared"]);
  expect(await query(lab, "project", "set-default", "")).toEqual(["main"]);
  for (const noun of ["volume", "gateway", "import"])
    expect(await query(lab, noun, "delete", "")).toEqual([]);
  expect(await query(lab, "run", "wait", "--for", "")).toContain("running");
  expect(await query(lab, "fleet", "")).toContain("token");
});

test("where the server cannot be asked there are no names, and no words of an error", async () => {
  using person = newPerson();
  expect(await query({ person }, "stop", "")).toEqual([]);
  using stranger = newPerson({
    env: { DSTACK_SERVER_URL: "http://127.0.0.1:1", DSTACK_TOKEN: "t", DSTACK_PROJECT: "main" },
  });
  expect(await query({ person: stranger }, "stop", "")).toEqual([]);
});

test("a server that hangs does not make TAB hang", async () => {
  const server = createServer(() => {});
  server.listen(0, "127.0.0.1");
  using person = newPerson({
    env: {
      DSTACK_SERVER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      DSTACK_TOKEN: "t",
      DSTACK_PROJECT: "main",
    },
  });
  const begin = performance.now();
  expect(await query({ person }, "fleet", "delete", "")).toEqual([]);
  // One second, and what a busy machine takes to start a process: that server would never answer.
  expect(performance.now() - begin).toBeLessThan(20_000);
  server.closeAllConnections();
  server.close();
});
