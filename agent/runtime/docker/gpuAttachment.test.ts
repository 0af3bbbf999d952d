import { describe, expect, test } from "bun:test";
import { type AttachOptions, attachGpus } from "./gpuAttachment.ts";

const ALL = { display: true, nvidiaRuntime: true, habanaRuntime: true, privileged: false };
const attach = (ids: string[], options: Partial<AttachOptions> = {}) =>
  attachGpus(ids, { ...ALL, ...options });
const node = (path: string) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rwm" });
const GPU = "GPU-5d1c0f3e-7a42-9b6e-c0de-4f8a1b2c3d4e";
const SLICE = "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f";

describe("attachGpus()", () => {
  test("none: none of the host's, whatever the image asks for", () => {
    expect(attach([])).toEqual({ env: { NVIDIA_VISIBLE_DEVICES: "void" }, host: {}, pinsMemory: false });
    expect(attach([], { privileged: true }).env).toEqual({
      NVIDIA_VISIBLE_DEVICES: "void",
      CUDA_VISIBLE_DEVICES: "",
    });
  });

  test("NVIDIA by its runtime: GPUs and slices by UUID", () => {
    const { env, host } = attach([GPU, SLICE]);
    expect(env).toEqual({});
    const capabilities = ["gpu", "utility", "compute", "graphics", "video", "display", "compat32"];
    expect(host).toEqual({
      DeviceRequests: [
        { Driver: "", Count: 0, DeviceIDs: [GPU, SLICE], Capabilities: [capabilities], Options: {} },
      ],
    });
    expect(attach([GPU], { display: false }).host.DeviceRequests?.[0]?.Capabilities?.[0]).not.toContain(
      "display",
    );
  });

  test("NVIDIA by CDI where the engine has no such runtime", () => {
    const { env, host } = attach([GPU, SLICE], { nvidiaRuntime: false });
    expect(env).toEqual({ NVIDIA_VISIBLE_DEVICES: "void" });
    expect(host.DeviceRequests).toMatchObject([
      { Driver: "cdi", DeviceIDs: [`nvidia.com/gpu=${GPU}`, `nvidia.com/gpu=${SLICE}`], Capabilities: [] },
    ]);
  });

  test("a privileged container sees every device, and is told its own", () => {
    expect(attach([GPU], { privileged: true }).env).toEqual({ CUDA_VISIBLE_DEVICES: GPU });
  });

  test("AMD by render node", () => {
    expect(attach(["/dev/dri/renderD129"])).toEqual({
      env: { NVIDIA_VISIBLE_DEVICES: "void" },
      host: {
        Devices: [node("/dev/kfd"), node("/dev/dri/renderD129")],
        IpcMode: "host",
        CapAdd: ["SYS_PTRACE"],
        SecurityOpt: ["seccomp=unconfined"],
      },
      pinsMemory: false,
    });
  });

  test("Gaudi by its runtime, or by nodes where the engine has none", () => {
    const ids = ["/dev/accel/accel1", "/dev/accel/accel6"];
    const common = { IpcMode: "host", CapAdd: ["SYS_NICE"] };
    expect(attach(ids)).toEqual({
      env: { NVIDIA_VISIBLE_DEVICES: "void", HABANA_VISIBLE_DEVICES: "1,6" },
      host: { Runtime: "habana", ...common },
      pinsMemory: true,
    });
    const nodes = ["accel1", "accel_controlD1", "accel6", "accel_controlD6"].map(
      (name) => `/dev/accel/${name}`,
    );
    expect(attach(ids, { habanaRuntime: false }).host).toEqual({ Devices: nodes.map(node), ...common });
    expect(attach(["/dev/hl0"], { habanaRuntime: false }).host.Devices).toEqual(
      ["/dev/hl0", "/dev/hl_controlD0"].map(node),
    );
  });

  test("Tenstorrent by node", () => {
    expect(attach(["/dev/tenstorrent/0", "/dev/tenstorrent/3"])).toMatchObject({
      host: { Devices: [node("/dev/tenstorrent/0"), node("/dev/tenstorrent/3")] },
      pinsMemory: true,
    });
  });

  test("of two vendors: what each one needs", () => {
    const { env, host } = attach([GPU, "/dev/dri/renderD128", "/dev/accel/accel0"], { habanaRuntime: false });
    expect(env).toEqual({ HABANA_VISIBLE_DEVICES: "0" });
    expect(host.DeviceRequests).toHaveLength(1);
    expect(host.Devices?.map(({ PathOnHost }: { PathOnHost: string }) => PathOnHost)).toEqual([
      "/dev/kfd",
      "/dev/dri/renderD128",
      "/dev/accel/accel0",
      "/dev/accel/accel_controlD0",
    ]);
    expect(host.CapAdd).toEqual(["SYS_PTRACE", "SYS_NICE"]);
  });

  test.each(["/dev/sda", "../x", "", "GPU-../x", "/dev/dri/renderD128 /dev/sda", "/dev/dri/../sda"])(
    "%p is refused",
    (id) => {
      expect(() => attach([GPU, id])).toThrow("devices of an unknown kind");
    },
  );
});
