import { expect, test } from "bun:test";
import { readDockerSettings } from "./settings.ts";

test("an empty environment: the reference's proxies, five dead containers, nothing forbidden", () => {
  expect(
    readDockerSettings({ DSTACK_AGENT_ULIMITS: "", HTTPS_PROXY: "http://proxy:3128", no_proxy: "" }),
  ).toEqual({
    passEnv: { HTTPS_PROXY: "http://proxy:3128" },
    keepFinished: 5,
    allowPrivileged: true,
    readOnly: false,
    ulimits: [],
    diskGib: undefined,
    imagesHighPercent: 85,
    pruneImages: "pulled",
  });
});

test("what the operator sets", () => {
  const settings = readDockerSettings({
    DSTACK_DOCKER_PASS_ENV: "PIP_INDEX_URL, HF_ENDPOINT",
    PIP_INDEX_URL: "http://pip",
    https_proxy: "not named, not passed",
    DSTACK_AGENT_KEEP_FINISHED: "0",
    DSTACK_AGENT_PRIVILEGED: "forbid",
    DSTACK_AGENT_READ_ONLY: "1",
    DSTACK_AGENT_ULIMITS: "memlock=-1,nofile=1024:65536",
    DSTACK_AGENT_JOB_DISK_GIB: "100",
  });
  expect(settings).toMatchObject({
    passEnv: { PIP_INDEX_URL: "http://pip" },
    keepFinished: 0,
    allowPrivileged: false,
    readOnly: true,
    ulimits: [
      { Name: "memlock", Soft: -1, Hard: -1 },
      { Name: "nofile", Soft: 1024, Hard: 65536 },
    ],
    diskGib: 100,
  });
});

test("every wrong value is named", () => {
  const read = () =>
    readDockerSettings({ DSTACK_AGENT_KEEP_FINISHED: "many", DSTACK_AGENT_ULIMITS: "nofile" });
  expect(read).toThrow(
    /DSTACK_AGENT_KEEP_FINISHED=many: .*DSTACK_AGENT_ULIMITS=nofile: "nofile" is not of the form/,
  );
});
