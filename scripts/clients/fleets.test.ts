import { describe, expect, test } from "bun:test";
import { openJoiningHost } from "../../coordinator/testing/joiningHost.ts";
import { newKey } from "../../coordinator/testing/sshHost.ts";
import { type Lab, openLab } from "./lab.ts";

const FILE = "fleet.dstack.yml";

const noHour = (text: string): string => text.replaceAll(/\b\d\d:\d\d$/gm, "<time>");

test("a fleet of instances is planned, made, changed in place, made anew and deleted", async () => {
  await using lab = await openLab();
  const { person } = lab;
  const write = (...lines: string[]) =>
    person.write(FILE, ["type: fleet", "name: burst", "blocks: auto", ...lines].join("\n"));
  await write("nodes: 0..2");
  const made = await person.run(["apply", "-f", FILE, "-y"]);
  expect(noHour(made.out)).toBe(
    [
      " Project        main",
      " User           admin",
      " Configuration  fleet.dstack.yml",
      " Type           fleet",
      " Fleet type     cloud",
      " Nodes          min=0 target=0 max=2",
      " Placement      any",
      "",
      "No matching instance offers available. No backend is configured, so no instance is made: hosts join with `dstack fleet token create burst`",
      "",
      "Fleet burst does not exist yet.",
      " NAME   NODES  GPU  SPOT       BACKEND  PRICE  STATUS  CREATED",
      " burst  0..2        on-demand  *               active  <time>",
      "",
    ].join("\n"),
  );
  expect((await person.run(["apply", "-f", FILE, "-y"])).out).toEndWith(
    "No configuration changes detected. Use --force to apply anyway.\n",
  );
  await write("nodes: 1..2");
  const changed = await person.run(["apply", "-f", FILE, "-y"]);
  expect(changed).toMatchObject({ code: 0 });
  expect(changed.out).toContain(
    "Found fleet burst. Detected changes that can be updated in-place:\n- Configuration properties:\n  - nodes\n",
  );
  // One is wanted, and nobody makes it: the fleet says so for as long as it is so.
  expect(changed.out).toEndWith(
    "\nNo backend is configured, so no instance is made: hosts join with `dstack fleet token create burst`\n",
  );
  await write("nodes: 1..2", "placement: cluster");
  const refused = await person.run(["apply", "-f", FILE], { stdin: "n\n" });
  expect(refused.out).toContain("Detected changes that cannot be updated in-place:");
  expect(refused.out).toEndWith("Re-create the fleet? [y/n]: \nExiting...\n");
  expect(await person.run(["apply", "-f", FILE, "-y"])).toMatchObject({ code: 0 });
  expect((await person.run(["fleet", "-v"])).out).toContain("1..2 (cluster)");
  expect(await person.run(["delete", "-f", FILE, "-y"])).toMatchObject({
    code: 0,
    out: "Fleet burst deleted\n",
  });
});

describe("a fleet of SSH hosts", () => {
  const fileOf = (hosts: unknown[], ssh: Record<string, unknown>) =>
    JSON.stringify({
      type: "fleet",
      name: "rack",
      env: ["TEAM"],
      ssh_config: { user: "root", identity_file: "id", ...ssh, hosts },
    });
  const writeKey = async ({ person }: Lab, key: { private: string; public?: string }) => {
    await person.write("id", key.private);
    await person.write("id.pub", key.public ?? "ssh-ed25519 AAAA me\n");
  };

  test("is planned without offers, and waited for until all are in", async () => {
    await using lab = await openLab();
    const { person } = lab;
    await using host = await openJoiningHost(lab.coordinator);
    await writeKey(lab, { private: host.login().key });
    await person.write(FILE, fileOf(["127.0.0.1"], { port: host.port }));
    expect(await person.run(["apply", "-f", FILE, "-y"])).toMatchObject({
      code: 1,
      out: "Environment variable TEAM is not set\n",
    });
    const env = { TEAM: "a" };
    const { code, out } = await person.run(["apply", "-f", FILE, "-y"], { env });
    expect(noHour(out)).toBe(
      [
        " Project        main",
        " User           admin",
        " Configuration  fleet.dstack.yml",
        " Type           fleet",
        " Fleet type     ssh",
        " Nodes          1",
        " Placement      any",
        "",
        "Fleet rack does not exist yet.",
        " NAME           NODES  GPU  SPOT  BACKEND       PRICE  STATUS  CREATED",
        " rack           1                 ssh                  active  <time>",
        "    instance=0         -          ssh (remote)         idle    <time>",
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
    expect((await person.run(["apply", "-f", FILE, "-y"], { env })).out).toEndWith(
      "No configuration changes detected. Use --force to apply anyway.\n",
    );
    // What was taken out is asked for again.
    await person.run(["fleet", "delete", "rack", "-i", "0", "-y"]);
    const again = await person.run(["apply", "-f", FILE], { env, stdin: "y\n" });
    expect(again.out).toContain("Found fleet rack. Hosts that are not in: 127.0.0.1\nBring them in? [y/n]: ");
    expect(again.out).toContain("instance=1         -          ssh (remote)         idle");
  }, 30_000);

  test("that does not come in ends with 1, and says why", async () => {
    await using lab = await openLab({}, { DSTACK_SERVER_SSH_FLEET_SECONDS: "1" });
    await writeKey(lab, newKey());
    await lab.person.write(FILE, fileOf(["127.0.0.1"], { port: 1 }));
    const { code, out } = await lab.person.run(["apply", "-f", FILE, "-y"], {
      env: { TEAM: "a" },
      columns: 300,
    });
    expect(code).toBe(1);
    expect(out).toContain("connecting: cannot log in to 127.0.0.1:1: the connection is refused.");
    expect(out).toEndWith("\nSome instances failed. Check the table above for errors.\n");
  }, 30_000);

  test("asks for sudo's password where it is told to, and for keys that are not there before anything else", async () => {
    await using lab = await openLab();
    await lab.person.write(FILE, fileOf(["127.0.0.1"], { port: 1 }));
    const missing = await lab.person.run(["apply", "-f", FILE, "-y"]);
    expect([missing.code, missing.out]).toEqual([
      1,
      expect.stringContaining("Unable to read the SSH key at "),
    ]);
    await writeKey(lab, newKey());
    const { out } = await lab.person.run(["apply", "-f", FILE, "-y", "-d", "--ask-sudo-password"], {
      env: { TEAM: "a" },
      stdin: "geheim\n",
    });
    expect(out).toEndWith("Password for sudo on the hosts: \nFleet configuration submitted. Exiting...\n");
  }, 30_000);

  test("keys are kept where that is asked for, and what is kept is what a host can be installed anew by", async () => {
    await using lab = await openLab();
    await lab.person.write(FILE, fileOf(["127.0.0.1"], { port: 1 }));
    await writeKey(lab, newKey());
    await lab.person.run(["apply", "-f", FILE, "-y", "-d", "--keep-ssh-keys"], { env: { TEAM: "a" } });
    const { out } = await lab.person.run(["instance", "list", "--json"]);
    expect(out).toContain('"keeps_key":true');
    expect(await lab.person.run(["instance", "reinstall", "lab-0", "-y"])).toMatchObject({
      code: 1,
      out: expect.stringContaining("lab-0 cannot be installed anew: no key of its host is kept"),
    });
    const asked = await lab.person.run(["instance", "reinstall", "lab-0"], { stdin: "n\n" });
    expect(asked.out).toContain("Install the agent of lab-0 anew?");
  });
});

test("a join token may say how its hosts are divided", async () => {
  await using lab = await openLab();
  const { out } = await lab.person.run(["fleet", "token", "create", "shared", "--blocks", "4"]);
  expect(out).toContain("that is to join the fleet shared");
  expect(out).toContain("each in 4 blocks");
  expect((await lab.person.run(["fleet", "token", "list", "--fleet", "shared"])).out).toMatch(
    /shared +any +4 /,
  );
  expect((await lab.person.run(["fleet", "token", "create", "shared", "--blocks", "0"])).code).toBe(2);
});
