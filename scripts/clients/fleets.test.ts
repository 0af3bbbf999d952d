import { expect, test } from "bun:test";
import { openLab } from "./lab.ts";

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

test("a fleet of SSH hosts is refused before anything is asked, with the way that there is", async () => {
  await using lab = await openLab();
  await lab.person.write(
    FILE,
    "type: fleet\nname: rack\nssh_config: {user: u, identity_file: ~/.ssh/id, hosts: [192.0.2.1]}\n",
  );
  const { code, out } = await lab.person.run(["apply", "-f", FILE, "-y"]);
  expect(code).toBe(1);
  expect(out).toContain("Fleets of SSH hosts cannot be applied yet");
  expect(out).toContain("dstack fleet token create rack");
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
