"""Keeps one GPU busy for SECONDS (argument, default 20) and says how much it computed.

With PyTorch where it is installed (CUDA and ROCm alike); otherwise with nothing but NVIDIA's driver library, which
compiles the little kernel below itself. Ends with 3 where neither is there.
"""

import ctypes
import sys
import time

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
GIB = 1024**3

# Each thread multiplies and adds 2^20 times; the store keeps the loop from being left out.
PTX = b"""
.version 6.0
.target sm_50
.address_size 64
.visible .entry spin(.param .u64 out)
{
    .reg .pred %more;
    .reg .f32 %x, %a;
    .reg .u32 %left, %thread;
    .reg .u64 %address, %offset;
    mov.f32 %x, 0f3F800000;
    mov.f32 %a, 0f3F7FFFFF;
    mov.u32 %left, 1048576;
again:
    fma.rn.f32 %x, %x, %a, %a;
    sub.u32 %left, %left, 1;
    setp.ne.u32 %more, %left, 0;
    @%more bra again;
    mov.u32 %thread, %tid.x;
    mul.wide.u32 %offset, %thread, 4;
    ld.param.u64 %address, [out];
    cvta.to.global.u64 %address, %address;
    add.u64 %address, %address, %offset;
    st.global.f32 [%address], %x;
    ret;
}
\0"""
BLOCKS, THREADS, TURNS = 4096, 256, 1 << 20


def with_torch():
    import torch

    if not torch.cuda.is_available():
        raise ImportError("PyTorch sees no GPU")
    name = torch.cuda.get_device_name(0)
    print(f"PyTorch {torch.__version__} on {name}, {torch.cuda.device_count()} visible", flush=True)
    size = 8192
    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    ballast = torch.empty(2 * GIB, dtype=torch.uint8, device="cuda")
    products, begin = 0, time.monotonic()
    while time.monotonic() - begin < SECONDS:
        for _ in range(20):
            torch.mm(a, b)
        torch.cuda.synchronize()
        products += 20
    took = time.monotonic() - begin
    print(f"{products} products of {size}x{size} in {took:.1f} s: {products * 2 * size**3 / took / 1e12:.0f} TFLOP/s")
    del ballast


def with_driver():
    cuda = ctypes.CDLL("libcuda.so.1")

    def call(name, *arguments):
        code = getattr(cuda, name)(*arguments)
        if code != 0:
            raise RuntimeError(f"{name} answers {code}")

    device, count = ctypes.c_int(), ctypes.c_int()
    context, module, function = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    out = ctypes.c_uint64()
    name = ctypes.create_string_buffer(256)
    call("cuInit", 0)
    call("cuDeviceGetCount", ctypes.byref(count))
    call("cuDeviceGet", ctypes.byref(device), 0)
    call("cuDeviceGetName", name, 256, device)
    print(f"CUDA driver on {name.value.decode()}, {count.value} visible", flush=True)
    call("cuCtxCreate_v2", ctypes.byref(context), 0, device)
    call("cuMemAlloc_v2", ctypes.byref(out), ctypes.c_size_t(2 * GIB))
    call("cuModuleLoadData", ctypes.byref(module), PTX)
    call("cuModuleGetFunction", ctypes.byref(function), module, b"spin")
    arguments = (ctypes.c_void_p * 1)(ctypes.cast(ctypes.byref(out), ctypes.c_void_p))
    launches, begin = 0, time.monotonic()
    while time.monotonic() - begin < SECONDS:
        call("cuLaunchKernel", function, BLOCKS, 1, 1, THREADS, 1, 1, 0, None, arguments, None)
        call("cuCtxSynchronize")
        launches += 1
    took = time.monotonic() - begin
    print(f"{launches} kernels in {took:.1f} s: {launches * BLOCKS * THREADS * TURNS * 2 / took / 1e12:.1f} TFLOP/s")


try:
    try:
        with_torch()
    except ImportError as missing:
        print(f"Without PyTorch: {missing}", flush=True)
        with_driver()
except OSError as missing:
    print(f"No GPU library: {missing}")
    sys.exit(3)
