import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newPerson } from "../../cli/testing/runCli.ts";
import { startTestCoordinator } from "../../coordinator/testing/startTestCoordinator.ts";
import { openLab } from "./lab.ts";

const MIB = 1024 ** 2;

/** So large that it does not go in one request, and other bytes each time. */
const fill = (path: string, bytes: number): void => {
  mkdirSync(join(path, ".."), { recursive: true });
  const content = Buffer.alloc(bytes, crypto.randomUUID());
  writeFileSync(path, content);
};

test("files come in parts, and are what the host gets", async () => {
  await using lab = await openLab();
  const { person, coordinator } = lab;
  fill(join(person.cwd, "data", "model.bin"), 10 * MIB);
  await person.write("data/small.txt", "small");
  await lab.task("with-files", "files: ['data:/data', 'with-files.dstack.yml:/conf.yml']");
  const apply = await person.run(["apply", "-f", "with-files.dstack.yml", "-y", "-d"]);
  expect(apply).toMatchObject({ code: 0, err: "" });
  const { run_spec: spec } = await lab.getRun("with-files");
  expect(spec.file_archives.map(({ path }) => path)).toEqual(["/data", "/conf.yml"]);
  const [wish] = await lab.agent.sync(1_000);
  const assignment = wish?.action === "run" ? wish.assignment : undefined;
  const [large] = assignment?.archives ?? [];
  const whole = await lab.agent.blob(large?.sha256 ?? "");
  expect(whole.status).toBe(200);
  const hash = new Bun.CryptoHasher("sha256").update(await whole.arrayBuffer()).digest("hex");
  expect(hash).toBe(large?.sha256 ?? "");
  const known = await coordinator.post("/api/files/begin_upload", { hash, size: 1 });
  expect(known.body).toMatchObject({ archive: { hash, id: spec.file_archives[0]?.id } });
}, 30_000);

test("two who send the same at once both get it, and nothing is left over", async () => {
  await using lab = await openLab();
  const { person } = lab;
  fill(join(person.cwd, "data", "model.bin"), 40 * MIB);
  for (const name of ["one", "two"]) await lab.task(name, "files: [data]");
  const applied = ["one", "two"].map((name) => person.run(["apply", "-f", `${name}.dstack.yml`, "-y", "-d"]));
  for (const { code, err } of await Promise.all(applied)) expect({ code, err }).toEqual({ code: 0, err: "" });
  const [one, two] = await Promise.all(["one", "two"].map((name) => lab.getRun(name)));
  expect(one?.run_spec.file_archives).toEqual(two?.run_spec.file_archives ?? []);
}, 30_000);

test("what is too large is refused before anything is sent, and it is said what is large", async () => {
  await using coordinator = await startTestCoordinator({ DSTACK_SERVER_CODE_UPLOAD_LIMIT: "1000000" });
  using person = newPerson({
    env: {
      DSTACK_SERVER_URL: coordinator.url,
      DSTACK_TOKEN: coordinator.adminToken,
      DSTACK_PROJECT: "main",
    },
  });
  fill(join(person.cwd, "app", "data", "0.bin"), MIB);
  await person.write("app/main.py", "print()");
  await person.write(
    "run.dstack.yml",
    "type: task\nname: large\ncommands: [echo]\nfiles: [run.dstack.yml, app]\n",
  );
  const { code, out } = await person.run(["apply", "-f", "run.dstack.yml", "-y", "-d"]);
  expect({ code, out: out.replaceAll(/\s+/g, " ").trim() }).toEqual({
    code: 1,
    out:
      "Archive size is 1.0MiB, which exceeds the limit of 976.6KiB. Use .gitignore/.dstackignore to exclude large " +
      "files. This limit can be modified by setting the DSTACK_SERVER_CODE_UPLOAD_LIMIT environment variable. " +
      "The largest are app/data/0.bin (1.0MiB)",
  });
}, 30_000);
