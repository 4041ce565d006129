/** What a container uses, in the Docker Engine API's shape: `GET /containers/{id}/stats`. Times in nanoseconds, sizes in bytes. */

export interface ContainerStats {
  read: string;
  preread: string;
  pids_stats: { current?: number; limit?: number };
  blkio_stats: BlkioStats;
  /** Of Windows. */
  num_procs: 0;
  storage_stats: Record<string, never>;
  cpu_stats: CpuStats;
  /** The reading before this one. */
  precpu_stats: CpuStats;
  memory_stats: MemoryStats;
  name: string;
  id: string;
  networks?: Record<string, NetworkStats>;
}

export interface CpuStats {
  cpu_usage: {
    total_usage: number;
    /** Only version 1 of control groups tells. */
    percpu_usage?: number[];
    usage_in_kernelmode: number;
    usage_in_usermode: number;
  };
  /** Of the whole host, idle time included. */
  system_cpu_usage?: number;
  online_cpus?: number;
  throttling_data: { periods: number; throttled_periods: number; throttled_time: number };
}

export interface MemoryStats {
  usage?: number;
  max_usage?: number;
  stats?: Record<string, number>;
  /** How often the limit was hit; absent for never. */
  failcnt?: number;
  limit?: number;
}

export interface BlkioEntry {
  major: number;
  minor: number;
  op: string;
  value: number;
}

type BlkioList =
  | "io_service_bytes_recursive"
  | "io_serviced_recursive"
  | "io_queue_recursive"
  | "io_service_time_recursive"
  | "io_wait_time_recursive"
  | "io_merged_recursive"
  | "io_time_recursive"
  | "sectors_recursive";

export type BlkioStats = Record<BlkioList, BlkioEntry[] | null>;

export interface NetworkStats {
  rx_bytes: number;
  rx_packets: number;
  rx_errors: number;
  rx_dropped: number;
  tx_bytes: number;
  tx_packets: number;
  tx_errors: number;
  tx_dropped: number;
}
