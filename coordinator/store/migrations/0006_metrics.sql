CREATE TABLE `host_usage` (
	`instance_id` text NOT NULL,
	`at` integer NOT NULL,
	`cpu_us` integer NOT NULL,
	`memory_bytes` integer NOT NULL,
	`disk_read_bytes` integer,
	`disk_write_bytes` integer,
	`network_in_bytes` integer,
	`network_out_bytes` integer,
	`gpus` text NOT NULL,
	`memory_total_bytes` integer NOT NULL,
	`disk_used_bytes` integer,
	`disk_total_bytes` integer,
	PRIMARY KEY(`instance_id`, `at`)
);
--> statement-breakpoint
CREATE INDEX `host_usage_at` ON `host_usage` (`at`);--> statement-breakpoint
CREATE TABLE `job_usage` (
	`submission_id` text NOT NULL,
	`at` integer NOT NULL,
	`cpu_us` integer NOT NULL,
	`memory_bytes` integer NOT NULL,
	`disk_read_bytes` integer,
	`disk_write_bytes` integer,
	`network_in_bytes` integer,
	`network_out_bytes` integer,
	`gpus` text NOT NULL,
	`working_set_bytes` integer NOT NULL,
	PRIMARY KEY(`submission_id`, `at`)
);
--> statement-breakpoint
CREATE INDEX `job_usage_at` ON `job_usage` (`at`);