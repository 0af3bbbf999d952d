import { counter, gauge, histogram } from "./exposition.ts";

// Names and labels of the first of each group are the reference's (docs/spec/http-api.md §6); the others are ours.

export const INSTANCE = {
  duration: counter("dstack_instance_duration_seconds_total", "Seconds since the instance joined"),
  price: gauge("dstack_instance_price_dollars_per_hour", "US dollars an hour"),
  gpuCount: gauge("dstack_instance_gpu_count", "Number of GPUs"),

  reachable: gauge("dstack_instance_reachable", "1 while the agent of the host is heard, else 0"),
  cpuTime: counter("dstack_instance_cpu_time_seconds_total", "Processor time used since the host started"),
  memoryTotal: gauge("dstack_instance_memory_total_bytes", "Memory of the host"),
  memoryUsage: gauge("dstack_instance_memory_usage_bytes", "Memory that is not available to new processes"),
  diskTotal: gauge("dstack_instance_disk_total_bytes", "Size of the file system that jobs write on"),
  diskUsage: gauge("dstack_instance_disk_usage_bytes", "What of it is in use"),
  diskRead: counter("dstack_instance_disk_read_bytes_total", "Read from disks since the host started"),
  diskWritten: counter("dstack_instance_disk_written_bytes_total", "Written to disks since the host started"),
  received: counter("dstack_instance_network_received_bytes_total", "Received since the host started"),
  sent: counter("dstack_instance_network_sent_bytes_total", "Sent since the host started"),
  gpuUsage: gauge("dstack_instance_gpu_usage_ratio", "How busy the GPU is, 0 to 1"),
  gpuMemoryTotal: gauge("dstack_instance_gpu_memory_total_bytes", "Memory of the GPU"),
  gpuMemoryUsage: gauge("dstack_instance_gpu_memory_usage_bytes", "What of it is in use"),
  gpuTemperature: gauge("dstack_instance_gpu_temperature_celsius", "Temperature of the GPU"),
  gpuPower: gauge("dstack_instance_gpu_power_watts", "What the GPU draws"),
} as const;

export const RUN = {
  total: counter("dstack_run_count_total", "Number of runs"),
  terminated: counter("dstack_run_count_terminated_total", "Number of runs that were terminated"),
  failed: counter("dstack_run_count_failed_total", "Number of runs that failed"),
  done: counter("dstack_run_count_done_total", "Number of runs that ended as they should"),
  submitToProvision: histogram(
    "dstack_submit_to_provision_duration_seconds",
    "From the submission of a run until its first job has a host",
  ),
  pending: counter("dstack_pending_runs_total", "How often a run began to wait"),
} as const;

export const JOB = {
  duration: counter("dstack_job_duration_seconds_total", "Seconds since the job was submitted"),
  price: gauge("dstack_job_price_dollars_per_hour", "US dollars an hour"),
  gpuCount: gauge("dstack_job_gpu_count", "Number of GPUs that the job has"),
  cpuCount: gauge("dstack_job_cpu_count", "Number of processors that the job has"),
  cpuTime: counter("dstack_job_cpu_time_seconds_total", "Processor time that the job has used"),
  memoryTotal: gauge("dstack_job_memory_total_bytes", "Memory that the job has"),
  memoryUsage: gauge("dstack_job_memory_usage_bytes", "Memory that the job uses, caches included"),
  memoryWorkingSet: gauge("dstack_job_memory_working_set_bytes", "The same without caches"),
  gpuUsage: gauge("dstack_job_gpu_usage_ratio", "How busy the GPU is, 0 to 1"),
  gpuMemoryTotal: gauge("dstack_job_gpu_memory_total_bytes", "Memory of the GPU"),
  gpuMemoryUsage: gauge("dstack_job_gpu_memory_usage_bytes", "What of it is in use"),

  gpuTemperature: gauge("dstack_job_gpu_temperature_celsius", "Temperature of the GPU"),
  gpuPower: gauge("dstack_job_gpu_power_watts", "What the GPU draws"),
  diskRead: counter("dstack_job_disk_read_bytes_total", "What the job has read from disks"),
  diskWritten: counter("dstack_job_disk_written_bytes_total", "What the job has written to disks"),
  received: counter("dstack_job_network_received_bytes_total", "Received over the job's own network"),
  sent: counter("dstack_job_network_sent_bytes_total", "Sent over the job's own network"),
} as const;

/** Ours. */
export const TUNNEL = {
  links: gauge("dstack_tunnel_links", "Tunnels that are open"),
  streams: gauge("dstack_tunnel_streams", "Connections to jobs that are passed on"),
  waiting: gauge("dstack_tunnel_waiting_bytes", "What waits for slow readers, and what is not acknowledged"),
  opened: counter("dstack_tunnel_streams_opened_total", "Connections to jobs that were passed on"),
  refused: counter("dstack_tunnel_streams_refused_total", "Connections that were refused"),
  bytes: counter("dstack_tunnel_bytes_total", "Bytes of connections to jobs"),
} as const;

/** Ours, where the coordinator speaks TLS itself. */
export const CERTIFICATE = {
  expires: gauge(
    "dstack_certificate_expires_timestamp_seconds",
    "When the coordinator's certificate is no longer good",
  ),
} as const;
