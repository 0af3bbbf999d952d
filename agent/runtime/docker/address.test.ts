import { expect, test } from "bun:test";
import { DEFAULT_DOCKER_HOST, parseDockerHost } from "./address.ts";

test.each([
  [DEFAULT_DOCKER_HOST, { socketPath: "/var/run/docker.sock" }],
  ["tcp://127.0.0.1:2375", { host: "127.0.0.1", port: 2375 }],
  ["tcp://[::1]:2375/", { host: "::1", port: 2375 }],
])("parseDockerHost(%p)", (text, address) => expect(parseDockerHost(text)).toEqual(address));

test.each(["", "docker.sock", "unix://", "ssh://me@host", "tcp://host", "fd://"])(
  "parseDockerHost() refuses %p",
  (text) => expect(() => parseDockerHost(text)).toThrow(`Cannot use "${text}" as DOCKER_HOST`),
);
