import { expect, test } from "bun:test";
import { isFloating, isImageName, parseImageReference } from "./imageReference.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

test.each([
  ["ubuntu", "ubuntu", "latest"],
  ["ubuntu:24.04", "ubuntu", "24.04"],
  ["registry:5000/team/image", "registry:5000/team/image", "latest"],
  ["registry:5000/team/image:v1", "registry:5000/team/image", "v1"],
  ["[::1]:5000/image:v1", "[::1]:5000/image", "v1"],
  [`registry.example/a/b@${DIGEST}`, "registry.example/a/b", DIGEST],
  [`registry.example/a/b:v2@${DIGEST}`, "registry.example/a/b", DIGEST],
])("parseImageReference(%p)", (image, fromImage, tag) => {
  expect(parseImageReference(image)).toEqual({ fromImage, tag });
  expect(isImageName(image)).toBe(true);
});

test.each([
  ["ubuntu", true],
  ["ubuntu:latest", true],
  ["registry:5000/image", true],
  ["ubuntu:24.04", false],
  [`ubuntu@${DIGEST}`, false],
])("isFloating(%p) is %p", (image, floating) => expect(isFloating(image)).toBe(floating));

test.each([
  "",
  " ",
  "a b",
  "a?b",
  "a#b",
  "a%2fb",
  "../json",
  "a/../../containers/json",
  "a//b",
  "a/./b",
  "-a",
  "a\n",
  "a&b=c",
])("isImageName() refuses %p", (image) => expect(isImageName(image)).toBe(false));
