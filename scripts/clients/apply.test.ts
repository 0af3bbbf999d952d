import { describe, expect, test } from "bun:test";
import { openLab, withoutTimes } from "./lab.ts";

const plan = (resources = "cpu=x86:1.. mem=1GB.. disk=2GB.. gpu=nvidia:0..") =>
  [
    " Project        main",
    " User           admin",
    " Type           task (nodes=1)",
    ` Resources      ${resources}`,
    " Spot policy    on-demand",
    " Max price      off",
    " Retry policy   off",
    " Idle duration  5m",
    " Max duration   off",
    "",
  ].join("\n");

const offers = [
  " #  BACKEND       RESOURCES                      INSTANCE TYPE  PRICE",
  " 1  ssh (remote)  cpu=x86:8 mem=32GB disk=500GB  instance       $0     idle",
  "",
].join("\n");

describe("apply -y", () => {
  test("shows the plan, that the run is up, its output, and how it ended", async () => {
    await using lab = await openLab();
    lab.autopilot(() => ({ output: "scoring\nscore 0.93\n", exitStatus: 0 }));
    await lab.task("eval-suite");
    const { code, out, err } = await lab.person.run(["apply", "-f", "eval-suite.dstack.yml", "-y"]);
    expect(withoutTimes(out)).toBe(
      [
        plan(),
        offers,
        " NAME        BACKEND       GPU  PRICE  STATUS   SUBMITTED",
        " eval-suite  ssh (remote)  -    $0     running  <time>",
        "",
        "eval-suite provisioning completed (running)",
        "scoring",
        "score 0.93",
        "Exited (0)",
        "",
      ].join("\n"),
    );
    expect([code, err]).toEqual([0, ""]);
  });

  test("ends with 1 for a command that does not end with 0, whose own status is shown", async () => {
    await using lab = await openLab();
    lab.autopilot(() => ({ output: "no newline", exitStatus: 11 }));
    await lab.task("eval-broken");
    const { code, out } = await lab.person.run(["apply", "-f", "eval-broken.dstack.yml", "-y"]);
    expect(out).toEndWith("\nno newline\nExited (11)\nCheck dstack logs -d eval-broken for more details.\n");
    expect(code).toBe(1);
  });

  test("names each host with what it lacks when nothing fits, and ends with 1", async () => {
    await using lab = await openLab();
    await lab.task("greedy");
    const { code, out } = await lab.person.run(["apply", "-f", "greedy.dstack.yml", "-y", "--gpu", "H100:8"]);
    expect(out).toStartWith(
      [
        plan("cpu=x86:1.. mem=1GB.. disk=2GB.. gpu=nvidia:H100:8").replace("nvidia:H100", "H100"),
        "No matching instance offers available. Possible reasons:",
        "- lab-0: needs 8 H100 GPUs, the host has none",
        "",
      ].join("\n"),
    );
    expect(out).toMatch(/\ngreedy provisioning completed \(failed\)\nNo capacity\n/);
    expect(out).not.toContain("Check dstack logs");
    expect(code).toBe(1);
  });

  test("with -d submits and leaves", async () => {
    await using lab = await openLab();
    await lab.task("train-night");
    const { code, out } = await lab.person.run(["apply", "-f", "train-night.dstack.yml", "-yd"]);
    expect(out).toBe([plan(), offers, "Run train-night submitted, detaching...", ""].join("\n"));
    expect(code).toBe(0);
    expect((await lab.getRun("train-night")).run_spec.configuration_path).toBe("train-night.dstack.yml");
  });

  test("reads from standard input, with the command line over the configuration", async () => {
    await using lab = await openLab();
    const { code, out } = await lab.person.run(
      [
        "apply",
        "-f",
        "-",
        "-yd",
        "-n",
        "named",
        "-e",
        "A=2",
        "-e",
        "FROM_SHELL",
        "--cpu",
        "2",
        "--",
        "--lr",
        "a b",
      ],
      {
        stdin: `type: task\ncommands: ["python t.py \${{ run.args }}"]\nenv: [A=1]\nresources: {memory: 1GB..}\n`,
        env: { FROM_SHELL: "yes" },
      },
    );
    expect(out).toEndWith("Run named submitted, detaching...\n");
    expect(code).toBe(0);
    const { run_spec: spec } = await lab.getRun("named");
    expect(spec).toMatchObject({
      configuration_path: "-",
      configuration: {
        commands: ["python t.py --lr 'a b'"],
        env: { A: "2", FROM_SHELL: "yes" },
        resources: { cpu: { count: { min: 2, max: 2 } }, memory: { min: 1, max: null } },
      },
    });
  });

  test("takes local files along, each once", async () => {
    await using lab = await openLab();
    await lab.person.write("lib/core.py", "print()");
    await lab.person.write("lib/.gitignore", "*.tmp\n");
    await lab.person.write("lib/left.tmp", "x");
    await lab.task("packer", "files: [lib, 'packer.dstack.yml:/opt/p.yml']");
    const apply = ["apply", "-f", "packer.dstack.yml", "-yd"];
    expect((await lab.person.run(apply)).code).toBe(0);
    const { run_spec: spec } = await lab.getRun("packer");
    expect(spec.file_archives.map((each) => each.path)).toEqual(["lib", "/opt/p.yml"]);
    const again = await lab.person.run(apply);
    expect(again.out).toEndWith(
      "Active run packer already exists. Detected no changes.\nUse --force to apply anyway.\n",
    );
    expect(again.code).toBe(0);
  });
});

describe("apply asks", () => {
  test("and a no leaves everything as it is", async () => {
    await using lab = await openLab();
    await lab.task("train-small");
    const { code, out } = await lab.person.run(["apply", "-f", "train-small.dstack.yml"], {
      stdin: "what\nN\n",
    });
    expect(out).toBe(
      [
        plan(),
        offers,
        "Submit the run train-small? [y/n]: ",
        "Please enter Y or N",
        "Submit the run train-small? [y/n]: ",
        "Exiting...",
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
    expect((await lab.person.run(["ps", "-a"])).out.split("\n")).toHaveLength(2);
  });

  test("and an end of the input submits nothing", async () => {
    await using lab = await openLab();
    await lab.task("train-small");
    const { code, out } = await lab.person.run(["apply", "-f", "train-small.dstack.yml"]);
    expect(out).toEndWith("Use -y to go ahead without a question\n");
    expect(code).toBe(1);
    expect((await lab.person.run(["run", "get", "train-small", "--json"])).code).toBe(1);
  });

  test("what to do with an active run: update where that is possible, else stop and override", async () => {
    await using lab = await openLab();
    lab.autopilot(() => ({ output: "" }));
    await lab.task("sweep-lr");
    const apply = ["apply", "-f", "sweep-lr.dstack.yml"];
    expect((await lab.person.run([...apply, "-yd"])).code).toBe(0);
    const first = await lab.waitForStatus("sweep-lr", "running");

    await lab.task("sweep-lr", "priority: 20");
    const updated = await lab.person.run([...apply, "-d"], { stdin: "y\n" });
    expect(updated.out).toContain(
      [
        "Active run sweep-lr already exists. Detected changes that can be updated in-place:",
        "- Configuration properties:",
        "  - priority",
        "",
        "  priority: 0 → 20",
        "",
        "Update the run? [y/n]: ",
        "Run sweep-lr updated, detaching...",
        "",
      ].join("\n"),
    );
    expect((await lab.getRun("sweep-lr")).id).toBe(first.id);

    await lab.task("sweep-lr", "priority: 20", "working_dir: /tmp");
    const declined = await lab.person.run(apply, { stdin: "n\n" });
    expect(declined.out).toEndWith(
      [
        "Active run sweep-lr already exists. Detected changes that cannot be updated in-place:",
        "- Configuration properties:",
        "  - working_dir",
        "",
        "  working_dir: unset → /tmp",
        "",
        "Stop and override the run? [y/n]: ",
        "Exiting...",
        "",
      ].join("\n"),
    );
    const overridden = await lab.person.run([...apply, "-yd"]);
    expect(overridden.out).toEndWith("\nRun sweep-lr submitted, detaching...\n");
    expect((await lab.getRun("sweep-lr")).id).not.toBe(first.id);
  });
});

describe("Ctrl-C during apply", () => {
  const attached = async (lab: Awaited<ReturnType<typeof openLab>>, name: string, ...flags: string[]) => {
    lab.autopilot(() => ({ output: "working\n" }));
    await lab.task(name);
    const started = lab.person.start(["apply", "-f", `${name}.dstack.yml`, ...flags], { isTerminal: true });
    if (!flags.includes("-y")) {
      await started.waitForOut("[y/n]: ");
      started.type("y");
    }
    await started.waitForOut("working\n");
    return started;
  };

  test("with -y leaves the run alone", async () => {
    await using lab = await openLab();
    const started = await attached(lab, "long", "-y");
    started.interrupt();
    const { code, out } = await started.finished;
    expect(out).toEndWith("working\n\nDetached\n");
    expect(code).toBe(0);
    expect((await lab.getRun("long")).status).toBe("running");
  });

  test("asks, and a no leaves the run alone", async () => {
    await using lab = await openLab();
    const started = await attached(lab, "long");
    started.interrupt();
    await started.waitForOut("Stop the run long before detaching? [y/n]: ");
    started.type("n");
    const { code, out } = await started.finished;
    expect(out).toEndWith("Detached\n");
    expect(code).toBe(0);
    expect((await lab.getRun("long")).status).toBe("running");
  });

  test("asks, and a yes stops the run", async () => {
    await using lab = await openLab();
    const started = await attached(lab, "long");
    started.interrupt();
    await started.waitForOut("before detaching? [y/n]: ");
    started.type("y");
    const { code, out } = await started.finished;
    expect(out).toEndWith("Stopped\n");
    expect(code).toBe(0);
    expect((await lab.getRun("long")).status).toBe("terminated");
  });

  test("a second time, at the question, leaves at once", async () => {
    await using lab = await openLab();
    const started = await attached(lab, "long");
    started.interrupt();
    await started.waitForOut("before detaching? [y/n]: ");
    started.interrupt();
    const { code, out } = await started.finished;
    expect(out).toEndWith("\nCancelled by user\n");
    expect(code).toBe(1);
    expect((await lab.getRun("long")).status).toBe("running");
  });

  test("at the first question submits nothing", async () => {
    await using lab = await openLab();
    await lab.task("never");
    const started = lab.person.start(["apply", "-f", "never.dstack.yml"], { isTerminal: true });
    await started.waitForOut("[y/n]: ");
    started.interrupt();
    expect(await started.finished).toMatchObject({ code: 1 });
    expect((await lab.person.run(["run", "get", "never", "--json"])).out).toBe("Run never not found\n");
  });
});
