CREATE TABLE `ssh_hosts` (
	`hostname` text PRIMARY KEY NOT NULL,
	`instance_id` text NOT NULL,
	`fleet_id` text NOT NULL,
	`secrets_sealed` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `ssh_hosts_instance_id_unique` ON `ssh_hosts` (`instance_id`);--> statement-breakpoint
ALTER TABLE `instances` ADD `ssh` text;--> statement-breakpoint
ALTER TABLE `instances` ADD `internal_ip` text;