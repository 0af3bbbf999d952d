import { describe, expect, test } from "bun:test";
import { type HostFacts, nextAction } from "./decide.ts";
import type { Probe } from "./probe.ts";

const NOW = 1_800_000_000_000;

const PROBE: Probe = {
  os: "Linux",
  machine: "x86_64",
  libc: "glibc",
  hasAvx2: true,
  isRoot: true,
  user: "root",
  home: "/root",
  sudo: "none",
  tool: "curl",
  reach: "yes",
  reachError: "",
  clock: NOW / 1000,
  freeForRoot: 1024 ** 2,
  freeForUser: 1024 ** 2,
};

const USER: Partial<Probe> = { isRoot: false, user: "ann", home: "/home/ann" };

const next = (probe: Partial<Probe>, facts: Partial<HostFacts> = {}) =>
  nextAction({
    hostname: "gpu-1",
    probe: { ...PROBE, ...probe },
    url: "http://10.0.0.1:3000",
    now: NOW,
    hasSudoPassword: false,
    isPasswordChecked: false,
    isSent: false,
    isCarried: false,
    ...facts,
  });

const FROM_URL = { do: "install", sudo: "none", rights: "root", from: "url" } as const;

describe("nextAction()", () => {
  test.each<[string, Partial<Probe>, Partial<HostFacts>, ReturnType<typeof nextAction>]>([
    ["root", {}, {}, FROM_URL],
    ["root with a password that is not needed", {}, { hasSudoPassword: true }, FROM_URL],
    ["sudo", { ...USER, sudo: "free" }, {}, { ...FROM_URL, sudo: "free", rights: "sudo" }],
    [
      "sudo, password to spare",
      { ...USER, sudo: "free" },
      { hasSudoPassword: true },
      { ...FROM_URL, sudo: "free", rights: "sudo" },
    ],
    [
      "sudo that wants a password, none given",
      { ...USER, sudo: "password" },
      {},
      { ...FROM_URL, rights: "user" },
    ],
    [
      "a password, not yet tried",
      { ...USER, sudo: "password" },
      { hasSudoPassword: true },
      { do: "check_password" },
    ],
    [
      "a password that is right",
      { ...USER, sudo: "password" },
      { hasSudoPassword: true, isPasswordChecked: true },
      { ...FROM_URL, sudo: "password", rights: "sudo with a password" },
    ],
    ["no sudo at all", USER, { hasSudoPassword: true }, { ...FROM_URL, rights: "user" }],
    ["wget", { tool: "wget" }, {}, FROM_URL],
    ["nothing to download with", { tool: "none" }, {}, { do: "send", target: "linux-x64" }],
    ["it was sent", { tool: "none" }, { isSent: true }, { ...FROM_URL, from: "file" }],
    ["nothing to look with", { tool: "none", reach: "unknown" }, {}, { do: "send", target: "linux-x64" }],
    ["no AVX2", { tool: "none", hasAvx2: false }, {}, { do: "send", target: "linux-x64-baseline" }],
    ["musl", { tool: "none", libc: "musl", hasAvx2: false }, {}, { do: "send", target: "linux-x64-musl" }],
    ["ARM", { tool: "none", machine: "aarch64" }, {}, { do: "send", target: "linux-arm64" }],
    ["this machine", {}, { url: "http://127.0.0.1:3000", hostname: "localhost" }, FROM_URL],
    ["no way to the coordinator", { reach: "no", reachError: "curl: (7)" }, {}, { do: "carry" }],
    ["a way through the login", { reach: "no" }, { isCarried: true }, FROM_URL],
    ["an address that means the host itself", {}, { url: "http://localhost:3000" }, { do: "carry" }],
    ["an unknown amount of disk", { freeForRoot: null }, {}, FROM_URL],
    ["a full system disk that is not used", { ...USER, freeForRoot: 0 }, {}, { ...FROM_URL, rights: "user" }],
  ])("%s", (_, probe, facts, expected) => {
    expect(next(probe, facts)).toEqual(expected);
  });

  test.each<[string, Partial<Probe>, Partial<HostFacts>, string, string]>([
    ["another system", { os: "Darwin" }, {}, "unsupported", "gpu-1 runs Darwin, not Linux"],
    ["an old machine", { machine: "i686" }, {}, "unsupported", "gpu-1 is i686"],
    ["ARM with musl", { machine: "arm64", libc: "musl" }, {}, "unsupported", "gpu-1 is arm64 with musl"],
    ["no libc", { libc: "none" }, {}, "unsupported", "neither glibc nor musl"],
    ["a clock behind", { clock: NOW / 1000 - 3600 }, {}, "unavailable", "a clock that is 60 minutes behind"],
    ["a clock ahead", { clock: NOW / 1000 + 3600 }, {}, "unavailable", "a clock that is 60 minutes ahead"],
    [
      "a full disk",
      { freeForRoot: 100 * 1024 },
      {},
      "unavailable",
      "has 100 MiB left where the agent would be",
    ],
    ["a full home", { ...USER, freeForUser: 1 }, {}, "unavailable", "has 0 MiB left"],
  ])("%s is refused", (_, probe, facts, code, message) => {
    expect(() => next(probe, facts)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message), hint: expect.any(String) }),
    );
  });
});
