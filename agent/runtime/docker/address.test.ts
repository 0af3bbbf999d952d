import { expect, test } from "bun:test";
import { DEFAULT_DOCKER_HOST, findDockerHost, parseDockerHost } from "./address.ts";

test.each([
  [DEFAULT_DOCKER_HOST, { socketPath: "/var/run/docker.sock" }],
  ["tcp://127.0.0.1:2375", { host: "127.0.0.1", port: 2375 }],
  ["tcp://[::1]:2375/", { host: "::1", port: 2375 }],
])("parseDockerHost(%p)", (text, address) => expect(parseDockerHost(text)).toEqual(address));

test.each(["", "docker.sock", "unix://", "ssh://me@host", "tcp://host", "fd://"])(
  "parseDockerHost() refuses %p",
  (text) => expect(() => parseDockerHost(text)).toThrow(`Cannot use "${text}" as DOCKER_HOST`),
);

test("findDockerHost() takes the first socket that this user may use", () => {
  const among =
    (...paths: string[]) =>
    (path: string) =>
      paths.includes(path);
  const env = { XDG_RUNTIME_DIR: "/run/user/7" };
  const all = ["/run/user/7/podman/podman.sock", "/run/podman/podman.sock", "/run/user/7/docker.sock"];
  expect(findDockerHost(env, among(...all))).toBe("unix:///run/user/7/docker.sock");
  expect(findDockerHost(env, among(...all.slice(0, 2)))).toBe("unix:///run/podman/podman.sock");
  expect(findDockerHost(env, among(...all.slice(0, 1)))).toBe("unix:///run/user/7/podman/podman.sock");
  expect(findDockerHost({}, among(`/run/user/${process.getuid?.()}/docker.sock`))).toEndWith("/docker.sock");
  expect(findDockerHost(env, () => false)).toBe("unix:///var/run/docker.sock");
});
