import type { FileKind } from "../../shared/config/schemas.ts";

/** One file per page, with what is used most. */
export const EXAMPLES: Readonly<Record<Exclude<FileKind, "configuration">, string>> = {
  task: `type: task
name: train
python: "3.12"
env:
  - HF_TOKEN
  - EPOCHS=3
files:
  - train.py
commands:
  - pip install -r requirements.txt
  - python train.py --epochs $EPOCHS
ports: [6006]
volumes:
  - /mnt/cache:/root/.cache
resources:
  cpu: 8..
  memory: 64GB..
  gpu: H100:1..8
  shm_size: 16GB
  disk: 200GB..
max_duration: 12h
retry:
  on_events: [interruption]
  duration: 4h
fleets: [lab]
`,
  service: `type: service
name: llama
image: vllm/vllm-openai:latest
env: [HF_TOKEN]
commands:
  - vllm serve meta-llama/Llama-3.1-8B-Instruct --port 8000
port: 8000
model: meta-llama/Llama-3.1-8B-Instruct
gateway: false
auth: true
replicas: 1
probes:
  - type: http
    url: /health
    interval: 15s
resources:
  gpu: 24GB..
`,
  "dev-environment": `type: dev-environment
name: notebook
ide: vscode
python: "3.12"
init:
  - pip install -r requirements.txt
inactivity_duration: 2h
resources:
  gpu: L4
`,
  fleet: `type: fleet
name: lab
placement: any
ssh_config:
  user: ubuntu
  identity_file: ~/.ssh/id_ed25519
  hosts:
    - 10.0.0.11
    - hostname: 10.0.0.12
      blocks: auto
`,
  volume: `type: volume
name: data
backend: aws
region: eu-west-1
size: 500GB
auto_cleanup_duration: 30d
`,
  gateway: `type: gateway
name: edge
backend: aws
region: eu-west-1
domain: models.example.com
`,
  preset: `type: preset
name: best
base: Qwen/Qwen3-32B
trials: 3
max_ttft: 500
min_context_length: 8192
concurrency: 16
`,
  profiles: `profiles:
  - name: cheap
    default: true
    max_price: 2.5
    spot_policy: auto
    idle_duration: 30m
`,
};
