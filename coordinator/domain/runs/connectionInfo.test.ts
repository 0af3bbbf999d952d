import { expect, test } from "bun:test";
import { RunSpec } from "../../../shared/api/runs.ts";
import type { SubmissionRow } from "../../store/submissions.ts";
import { connectionOf } from "./connectionInfo.ts";

const ID = "0b7f1d52-9d3c-4a1e-8f64-2c5d9e7a1b30";

interface Told {
  hostname?: string;
  port?: number;
  dir?: string | null;
}

const connection = (configuration: object, more: Told = {}) => {
  const spec = RunSpec.parse({ configuration });
  const { hostname = "gate", port = 22, dir = "/work" } = more;
  const submission = { id: ID, replica_num: 0, job_num: 0, runtime_data: { working_dir: dir } };
  return connectionOf({ name: "lab", spec }, submission as SubmissionRow, { hostname, port });
};

test("a dev environment has links for its editor, by its alias and through the coordinator's SSH", () => {
  const dev = { type: "dev-environment", ide: "vscode" };
  const link = "vscode://vscode-remote/ssh-remote+";
  expect(connection(dev)).toMatchObject({
    ide_name: "VS Code",
    attached_ide_url: `${link}lab/work`,
    proxied_ide_url: `${link}${ID.replaceAll("-", "")}@gate/work`,
  });
  expect(connection(dev, { hostname: "2001:db8::1", port: 30_022 })).toMatchObject({
    proxied_ide_url: `${link}${ID.replaceAll("-", "")}@[2001:db8::1]:30022/work`,
    proxied_ssh_command: ["ssh", `${ID.replaceAll("-", "")}@2001:db8::1`, "-p", "30022"],
  });
  expect(connection(dev, { port: 30_022 })).toMatchObject({
    proxied_ide_url: `${link}${ID.replaceAll("-", "")}@gate:30022/work`,
  });
});

test.each([
  [{ type: "dev-environment" }, {}],
  [{ type: "task", commands: ["true"] }, {}],
  [{ type: "dev-environment", ide: "zed" }, { dir: null }],
])("without an editor or a folder there is no link: %j", (configuration, more) => {
  expect(connection(configuration, more)).toMatchObject({ attached_ide_url: null, proxied_ide_url: null });
});
